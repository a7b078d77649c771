import type { Page } from './markdown.ts'

/** The pages whose text on disk is missing or other than it should be. */
export function stalePages(pages: readonly Page[], read: (path: string) => string | undefined): readonly Page[] {
  return pages.filter(({ path, text }) => read(path) !== text)
}
