import type { Token, TokenStore } from '../platform/ports/metadata.ts'

/** How long an answer of the store may be used again: a revoked token is refused at most this much later. */
const FRESH_MS = 1_000
const ENTRIES_MAX = 10_000

interface Entry {
  readonly askedMs: number
  readonly token: Promise<Token | undefined>
}

export interface TokenCache {
  /** @throws {MillraceError} `metadata.unavailable`. */
  find(secretHash: string): Promise<Token | undefined>
  /** The token as the store last gave it, however long ago. Asks nobody. */
  recall(secretHash: string): Token | undefined
}

/** Saves the metadata store a look-up for each request. Callers with one token at one time share one. The oldest entries make room for new ones. */
export function createTokenCache(store: Pick<TokenStore, 'tokenByHash'>, clock: () => number): TokenCache {
  const entries = new Map<string, Entry>()
  const found = new Map<string, Token>()

  async function ask(secretHash: string): Promise<Token | undefined> {
    const token = await store.tokenByHash(secretHash)
    if (token === undefined) found.delete(secretHash)
    else keep(found, secretHash, token)
    return token
  }

  return {
    recall: (secretHash) => found.get(secretHash),

    async find(secretHash) {
      const nowMs = clock()
      const known = entries.get(secretHash)
      if (known !== undefined && nowMs - known.askedMs < FRESH_MS) return known.token

      const entry: Entry = { askedMs: nowMs, token: ask(secretHash) }
      keep(entries, secretHash, entry)
      try {
        return await entry.token
      } catch (error) {
        // A store that was away for a moment must not stay away for a second.
        if (entries.get(secretHash) === entry) entries.delete(secretHash)
        throw error
      }
    },
  }
}

function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= ENTRIES_MAX) break
    map.delete(oldest)
  }
}
