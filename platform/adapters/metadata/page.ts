import type { Page } from '../../ports/metadata.ts'
import { MillraceError } from '../../runtime/errors.ts'

/** Rows that one call returns at most. */
const PAGE_ROWS_MAX = 10_000

/** @throws {MillraceError} `query.invalid`: cutting a page off in silence would look like the end of the list. */
export function assertPage({ limit }: Page): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_ROWS_MAX) return
  throw new MillraceError(
    'query.invalid',
    `A page has 1 to ${PAGE_ROWS_MAX} entries, not ${limit}. Ask again behind the last one for more.`,
  )
}
