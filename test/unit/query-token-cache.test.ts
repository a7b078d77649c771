import t from 'tap'
import type { Token } from '../../platform/ports/metadata.ts'
import { createTokenCache } from '../../query-api/token-cache.ts'

const token: Token = { id: 'tok-1', tenant: 'acme', scopes: ['read'], label: '', createdMs: 0, expiresMs: 9e12 }

/** A store whose answer can be changed, and that counts how often it is asked. */
function createStore() {
  const store = { asked: 0, answer: async (): Promise<Token | undefined> => token }
  return Object.assign(store, {
    async tokenByHash() {
      store.asked += 1
      return store.answer()
    },
  })
}

t.test('the store is asked once a second for a token, however many ask', async (t) => {
  const store = createStore()
  let nowMs = 1_000
  const cache = createTokenCache(store, () => nowMs)
  const found = await Promise.all([cache.find('a'), cache.find('a'), cache.find('a')])
  t.same(found, [token, token, token])
  t.equal(store.asked, 1)
  nowMs += 999
  await cache.find('a')
  t.equal(store.asked, 1)
  nowMs += 1
  await cache.find('a')
  t.equal(store.asked, 2)
})

t.test('a token that is gone from the store is gone from the cache within a second', async (t) => {
  const store = createStore()
  let nowMs = 0
  const cache = createTokenCache(store, () => nowMs)
  await cache.find('a')
  t.same(cache.recall('a'), token)
  store.answer = async () => undefined
  nowMs += 1_000
  t.equal(await cache.find('a'), undefined)
  t.equal(cache.recall('a'), undefined)
})

t.test('a failure of the store is not remembered', async (t) => {
  const store = createStore()
  const cache = createTokenCache(store, () => 0)
  store.answer = async () => {
    throw new Error('away')
  }
  await t.rejects(cache.find('a'), /away/)
  store.answer = async () => token
  t.same(await cache.find('a'), token)
})

t.test('a flood of unknown tokens does not grow the cache without bound', async (t) => {
  const store = createStore()
  const cache = createTokenCache(store, () => 0)
  for (let index = 0; index < 10_001; index += 1) await cache.find(`hash-${index}`)
  t.equal(cache.recall('hash-0'), undefined, 'the oldest made room')
  t.same(cache.recall('hash-10000'), token)
})
