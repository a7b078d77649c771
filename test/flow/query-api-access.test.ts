import t from 'tap'
import { problemSchema } from '../../schemas/api/problem.ts'
import { compile } from '../../schemas/compile.ts'
import { type Answer, createWorld, NOW_MS, startApi } from './query-api-world.ts'

// Goal: nobody reads what isn't his, on any route, now or when routes are added.
// Method: the matrix is made from the router itself: every route with every kind of caller.
const isProblem = compile(problemSchema)
const PATH_PARTS: Readonly<Record<string, string>> = {
  ':sensor': 'press-1',
  ':gateway': 'gw-1',
  ':id': '1764000000000-0-0-0',
  '*': 'swagger-ui.css',
}
const pathOf = (pattern: string): string =>
  pattern
    .split('/')
    .map((part) => PATH_PARTS[part] ?? part)
    .join('/')

const challengeOf = ({ headers }: Answer): string | null => headers.get('www-authenticate')

t.test('who may read what', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  await addSensor('acme', 'press-2')
  const { get, routes } = await startApi(t, stores)
  const tokens = {
    valid: await addToken('acme'),
    expired: await addToken('acme', { expiresMs: NOW_MS }),
    revoked: await addToken('acme', { revokedMs: NOW_MS - 1 }),
    rival: await addToken('rival'),
    unknown: `mlr_${'A'.repeat(43)}`,
  }
  const withoutScope = {
    read: await addToken('acme', { scopes: ['diagnose'] }),
    diagnose: await addToken('acme', { scopes: ['read'] }),
  }
  const refusedTokens = [
    tokens.expired,
    tokens.revoked,
    tokens.unknown,
    'garbage',
    'mlr_',
    `${tokens.valid}x`,
    tokens.valid.slice(0, -1),
  ]

  t.ok(routes.filter(({ access }) => access === 'read' || access === 'diagnose').length >= 18, 'the router was read')
  for (const { method, url, access } of routes) {
    const path = pathOf(url)
    t.test(`${method} ${url} (${access})`, async (t) => {
      if (access === 'public' || access === 'public-unlimited') {
        t.match((await get(path, { method })).status, /^(200|302)$/, 'everyone is answered')
        return
      }
      const nobody = await get(path, { method })
      t.equal(nobody.status, 401)
      t.equal(challengeOf(nobody), 'Bearer realm="millrace"', 'who has no token is told no error code (RFC 6750, section 3.1)')
      t.equal((await get(path, { method, headers: { authorization: `Basic ${tokens.valid}` } })).status, 401, 'another scheme')
      for (const token of refusedTokens) {
        const refused = await get(path, { method, token })
        t.equal(refused.status, 401)
        t.equal(challengeOf(refused), 'Bearer realm="millrace", error="invalid_token"')
        t.ok(method === 'HEAD' || isProblem(refused.body))
      }
      const narrow = await get(path, { method, token: withoutScope[access] })
      t.equal(narrow.status, 403)
      t.equal(challengeOf(narrow), `Bearer realm="millrace", error="insufficient_scope", scope="${access}"`)
      t.match((await get(path, { method, token: tokens.valid })).status, access === 'diagnose' && url.includes(':id') ? 404 : 200)
      const rival = await get(path, { method, token: tokens.rival })
      t.match(rival.status, url.includes(':sensor') || url.includes(':id') ? 404 : 200)
      t.notMatch(rival.text, /press-1"|press-2/, "a rival sees nothing of acme's")
      t.equal(rival.headers.get('cache-control'), 'no-store')
    })
  }
})

t.test('a sensor of another tenant and one that nobody has get the same answer', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const headers = { 'x-request-id': 'same-request' }
  const others = await get('/v1/sensors/secret-oven', { token, headers })
  const nobodys = await get('/v1/sensors/secret-ovem', { token, headers })
  t.equal(others.status, 404)
  t.equal(others.text.replaceAll('secret-oven', 'X'), nobodys.text.replaceAll('secret-ovem', 'X'))
})

t.test('a cursor of one tenant is of no use to another', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  await addSensor('acme', 'press-2')
  const { get } = await startApi(t, stores)
  const { body } = await get('/v1/sensors?limit=1', { token: await addToken('acme') })
  t.type(body?.next, 'string')
  const answer = await get(`/v1/sensors?limit=1&cursor=${body?.next}`, { token: await addToken('rival') })
  t.match(answer, { status: 400, body: { errors: [{ parameter: 'cursor' }] } })
})

t.test('a revoked token is refused within a second', async (t) => {
  const { stores, metadata, addToken } = await createWorld(t)
  let nowMs = NOW_MS
  const { get } = await startApi(t, stores, { clock: () => nowMs })
  const token = await addToken('acme', { id: 'tok-lost' })
  t.equal((await get('/v1/sensors', { token })).status, 200)
  await metadata.revokeToken('tok-lost', nowMs)
  nowMs += 1_000
  t.match(await get('/v1/sensors', { token }), { status: 401, body: { detail: /revoked/ } })
})
