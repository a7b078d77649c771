import type { FastifyReply, FastifyRequest } from 'fastify'

/** Announces the next page in `Link` (RFC 8288), with every parameter of this one, so that a client can follow it blindly. */
export function linkNext(request: FastifyRequest, reply: FastifyReply, next: string | null): void {
  if (next === null) return
  const address = new URL(request.url, 'http://localhost')
  address.searchParams.set('cursor', next)
  reply.header('link', `<${address.pathname}${address.search}>; rel="next"`)
}

/** Cuts a list that was asked for with one item more than the page may have: only that item tells whether there is a next page. */
export function cutPage<T>(items: readonly T[], limit: number): { readonly page: readonly T[]; readonly last: T | undefined } {
  const page = items.slice(0, limit)
  return { page, last: items.length > limit ? page.at(-1) : undefined }
}
