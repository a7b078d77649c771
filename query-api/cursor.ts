import { createHash } from 'node:crypto'
import { MillraceError } from '../platform/runtime/errors.ts'
import { compile } from '../schemas/compile.ts'

const DIGEST_CHARACTERS = 16

/** What a cursor belongs to. It is of no use with another tenant, route or filter: that would answer a question nobody asked. */
export interface CursorBinding {
  readonly tenant: string
  readonly route: string
  /** The parameters that decide which items there are; not the page's size. */
  readonly filters: readonly (string | number | readonly string[] | undefined)[]
}

export interface Cursor<P> {
  encode(binding: CursorBinding, position: P): string
  /** @throws {MillraceError} `query.invalid` when it was altered, cut, or made for another question. */
  decode(binding: CursorBinding, text: string): P
}

/**
 * Opaque cursors that hold a position: where the next page begins. They need no memory on this side and outlive a restart.
 * A cursor isn't secret and isn't signed: whoever forges one gets a page of his own data, which he could ask for anyway.
 *
 * @param positionSchema  JSON schema of `P`.
 */
export function createCursor<P>(positionSchema: object): Cursor<P> {
  const isPosition = compile<P>(positionSchema)

  return {
    encode(binding, position) {
      return Buffer.from(JSON.stringify([digest(binding), position])).toString('base64url')
    },

    decode(binding, text) {
      const content = parse(text)
      if (!Array.isArray(content) || content.length !== 2) throw invalid('It is not a cursor of this API. Take it from `next`.')
      const [owner, position]: readonly unknown[] = content
      if (owner !== digest(binding)) {
        throw invalid('It belongs to another question. Repeat the parameters of the page it came with, or leave it out.')
      }
      if (!isPosition(position)) throw invalid('It is not a cursor of this API. Take it from `next`.')
      return position
    },
  }
}

function digest({ tenant, route, filters }: CursorBinding): string {
  const text = JSON.stringify([tenant, route, filters.map((filter) => filter ?? null)])
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_CHARACTERS)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

function invalid(detail: string): MillraceError {
  return new MillraceError('query.invalid', `cursor: ${detail}`, { details: { cursor: detail } })
}
