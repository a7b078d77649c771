import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { PROBLEMS, problemSchema } from '../../schemas/api/problem.ts'
import { compile } from '../../schemas/compile.ts'
import { configOf, createWorld, startApi } from './query-api-world.ts'

const isProblem = compile(problemSchema)

/** What the server answers to bytes that no well-behaved client would send. */
async function sendRaw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  socket.write(bytes)
  return text(socket)
}

/** A promise and the hand that resolves it: for waiting on a condition. */
function createGate() {
  return Promise.withResolvers<void>()
}

t.test('every refusal is a problem that tells what to do', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get, url } = await startApi(t, stores)
  const token = await addToken('acme')
  const refusals = {
    'route.unknown': await get('/v1/nothing', { token }),
    'sensor.unknown': await get('/v1/sensors/nothing', { token }),
    'method.refused': await get('/v1/sensors', { token, method: 'DELETE' }),
    'answer.unacceptable': await get('/v1/sensors', { token, headers: { accept: 'text/csv' } }),
    'url.too-long': await get(`/v1/sensors?cursor=${'a'.repeat(17_000)}`, { token }),
    'request.malformed': await get('/v1/sensors/%C3', { token }),
    'token.missing': await get('/v1/sensors'),
  } as const
  for (const [kind, { status, headers, body, text: answer }] of Object.entries(refusals)) {
    t.test(kind, async (t) => {
      t.ok(isProblem(body), answer)
      t.equal(headers.get('content-type'), 'application/problem+json')
      t.match(body, {
        status,
        instance: headers.get('x-request-id'),
        type: `/docs/reference/errors.md#${kind.replace('.', '-')}`,
      })
      t.equal(status, Object.entries(PROBLEMS).find(([name]) => name === kind)?.[1].status)
      t.equal((await fetch(`${url}${body?.type}`)).status, 200, 'the type opens')
      t.notMatch(answer, /node:|\.ts\b|at .+:\d+:\d+/, 'no stack')
    })
  }
  t.equal(refusals['method.refused'].headers.get('allow'), 'GET, HEAD')
})

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
  t.test(`${method} is refused on a known path and unknown elsewhere, whatever the body says it is`, async (t) => {
    const { stores, addToken } = await createWorld(t)
    const { url } = await startApi(t, stores)
    const authorization = `Bearer ${await addToken('acme')}`
    for (const type of ['application/json', ' application/json', 'application/json\ta', 'text/plain', 'nonsense']) {
      const ask = { method, headers: { authorization, 'content-type': type }, ...(method !== 'OPTIONS' && { body: '{"broken' }) }
      t.equal((await fetch(`${url}/v1/sensors/press-1/readings`, ask)).status, 405, type)
      t.equal((await fetch(`${url}/v1/nothing`, ask)).status, 404, type)
    }
  })
}

t.test('what is not HTTP is answered in kind and cut off', async (t) => {
  const { stores } = await createWorld(t)
  const { url } = await startApi(t, stores)
  t.match(await sendRaw(url, 'HELLO\r\n\r\n'), /^HTTP\/1\.1 400 .*"type":"\/docs\/reference\/errors\.md#request-malformed"/s)
  t.match(
    await sendRaw(url, `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431 .*#request-too-large"/s,
  )
})

t.test('a sane request id is echoed, any other is replaced', async (t) => {
  const { stores } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const echoOf = async (id: string) => (await get('/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')
  t.equal(await echoOf('trace-4711.a_B'), 'trace-4711.a_B')
  for (const id of ['short', 'a'.repeat(65), 'with space in it', '"quoted-id"', '<script>alert'])
    t.match(await echoOf(id), /^[0-9a-f-]{36}$/, id)
})

t.test('every answer carries the headers that keep browsers careful, and none that opens it to other sites', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const { headers } = await get('/v1/sensors', { token: await addToken('acme'), headers: { origin: 'https://evil.example' } })
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('content-security-policy'), "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'")
  t.equal(headers.get('access-control-allow-origin'), null)
  t.equal(headers.get('strict-transport-security'), null, 'not over plain HTTP')
  t.equal(headers.get('x-powered-by'), null)
})

t.test('a token may ask so often a minute, and is told how often', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores, { config: configOf({ MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: '3' }) })
  const token = await addToken('acme')
  const first = await get('/v1/sensors', { token })
  t.equal(first.headers.get('ratelimit-policy'), '"token";q=3;w=60')
  t.match(first.headers.get('ratelimit'), /^"token";r=2;t=\d+$/)
  await get('/v1/sensors', { token })
  await get('/v1/sensors', { token })
  const refused = await get('/v1/sensors', { token })
  t.equal(refused.status, 429)
  t.ok(isProblem(refused.body))
  t.match(refused.headers.get('retry-after'), /^([1-9]|[1-5]\d|60)$/)
  t.equal((await get('/v1/sensors', { token: await addToken('acme') })).status, 200, 'another token has its own share')
})

t.test('guessing tokens ends soon, asks the store no more, and locks nobody else out', async (t) => {
  const { stores, addToken } = await createWorld(t)
  let lookUps = 0
  const counted = {
    ...stores,
    metadata: {
      ...stores.metadata,
      tokenByHash: async (hash: string) => {
        lookUps += 1
        return stores.metadata.tokenByHash(hash)
      },
    },
  }
  const { get } = await startApi(t, counted, { config: configOf({ MILLRACE_HTTP_ADDRESS_REQUESTS_PER_MINUTE: '5' }) })
  const token = await addToken('acme')
  t.equal((await get('/v1/sensors', { token })).status, 200)
  const statuses: number[] = []
  for (let guess = 0; guess < 20; guess += 1) {
    statuses.push((await get('/v1/sensors', { token: `mlr_${String(guess).padStart(43, 'A')}` })).status)
  }
  t.same(statuses, [...Array(5).fill(401), ...Array(15).fill(429)])
  t.equal(lookUps, 6)
  t.equal((await get('/v1/sensors', { token })).status, 200, 'a token known to be valid is let through')
  t.equal((await get('/healthz')).status, 200, 'probes are answered')
  t.equal((await get('/docs')).status, 429)
})

/** A world in which reading a range waits for `gate`, and whose signal can be looked at. */
async function createSlowWorld(t: Test) {
  const world = await createWorld(t)
  const begun = createGate()
  const gate = createGate()
  const aborted = createGate()
  t.teardown(() => gate.resolve())
  const stores: typeof world.stores = {
    ...world.stores,
    series: {
      ...world.stores.series,
      async range(scope, query, signal) {
        signal.addEventListener('abort', () => aborted.resolve())
        begun.resolve()
        await gate.promise
        return world.stores.series.range(scope, query, signal)
      },
    },
  }
  return { ...world, stores, begun: begun.promise, gate, aborted: aborted.promise }
}

t.test('a client that hangs up ends the read', async (t) => {
  const { stores, addToken, begun, aborted } = await createSlowWorld(t)
  const { url } = await startApi(t, stores)
  const hangUp = new AbortController()
  const headers = { authorization: `Bearer ${await addToken('acme')}` }
  const asked = fetch(`${url}/v1/sensors/press-1/readings`, { headers, signal: hangUp.signal })
  await begun
  hangUp.abort()
  await t.rejects(asked, { name: 'AbortError' })
  await t.resolves(aborted, 'the store was told')
})

t.test('a read that takes too long is given up with 503, and the store is told', async (t) => {
  const { stores, addToken, aborted } = await createSlowWorld(t)
  const { get } = await startApi(t, stores, { config: configOf({ MILLRACE_HTTP_ANSWER_TIMEOUT_MS: '50' }) })
  const answer = await get('/v1/sensors/press-1/readings', { token: await addToken('acme') })
  t.equal(answer.status, 503)
  t.ok(isProblem(answer.body))
  t.match(answer.headers.get('retry-after'), /^\d+$/)
  await t.resolves(aborted)
})

t.test('a store that is away is 503, a bug is 500, and neither tells its secrets', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const errors = {
    503: new MillraceError('time-series.unavailable', 'connect ECONNREFUSED influx.internal token=hunter2'),
    500: new TypeError('hunter2 is not a function'),
  }
  for (const [status, error] of Object.entries(errors)) {
    const series = { ...stores.series, latest: () => Promise.reject(error) }
    const { get } = await startApi(t, { ...stores, series })
    const answer = await get('/v1/sensors', { token: await addToken('acme') })
    t.equal(answer.status, Number(status))
    t.ok(isProblem(answer.body))
    t.notMatch(answer.text, /hunter2|influx|ECONNREFUSED/)
    t.equal(answer.headers.has('retry-after'), status === '503')
  }
})

t.test('requests under way are finished when the API stops', async (t) => {
  const { stores, addToken, begun, gate } = await createSlowWorld(t)
  const api = await startApi(t, stores)
  const asked = api.get('/v1/sensors/press-1/readings', { token: await addToken('acme') })
  await begun
  const stopped = api.stop()
  gate.resolve()
  t.equal((await asked).status, 200)
  await stopped
  await t.rejects(api.get('/healthz'), 'nothing listens any more')
})

t.test('every answer is counted, by the pattern of its route', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { createProcessRegistry } = await import('../../platform/runtime/metrics-registry.ts')
  const registry = createProcessRegistry()
  const { get } = await startApi(t, stores, { registry })
  const token = await addToken('acme')
  await get('/v1/sensors/press-1', { token })
  await get('/v1/sensors/nothing', { token })
  await get('/v1/elsewhere/4711', { token })
  await get('/v1/sensors')
  const metrics = await registry.metrics()
  for (const line of [
    'query_api_requests_total{route="/v1/sensors/:sensor",method="GET",status="200"} 1',
    'query_api_requests_total{route="/v1/sensors/:sensor",method="GET",status="404"} 1',
    'query_api_requests_total{route="unmatched",method="GET",status="404"} 1',
    'query_api_refusals_total{reason="token"} 1',
    'query_api_request_duration_seconds_count{route="/v1/sensors/:sensor"} 2',
  ]) {
    t.ok(metrics.includes(line), line)
  }
  t.notMatch(metrics, /4711|press-1|acme/)
})
