import fc from 'fast-check'
import t from 'tap'
import { readingsPage } from '../../schemas/api/readings.ts'
import { compile } from '../../schemas/compile.ts'
import { type Answer, createWorld, NOW_MS, startApi } from './query-api-world.ts'

interface Page {
  readonly from?: string
  readonly to?: string
  readonly readings: readonly (Readonly<Record<string, unknown>> & { readonly ts: string })[]
  readonly next: string | null
}

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const isPage = compile<Page>(readingsPage)
const START_MS = NOW_MS - 3_600_000

/** The answer as a page; anything else is an error of the test. */
function pageOf({ status, text, body }: Answer): Page {
  const candidate: unknown = body
  if (status === 200 && isPage(candidate)) return candidate
  throw new Error(`${status} ${text} ${JSON.stringify(isPage.errors)}`)
}

t.test('a page is as the contract has it', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const answer = await get(`/v1/sensors/press-1/readings?from=2025-11-24T16:00:00Z&to=${NOW_MS}`, { token })
  t.equal(
    answer.text,
    '{"sensor":"press-1","readings":[{"ts":"2025-11-24T16:00:00.000Z","power_w":1234.5,"energy_wh":998877}],"next":null}',
  )
  t.match(answer.headers.get('content-type'), /^application\/json/)
})

t.test('what was left out of the question stands in the answer: the last 24 hours', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const whole = pageOf(await get('/v1/sensors/press-1/readings', { token }))
  t.match(whole, { from: '2025-11-23T17:00:00.000Z', to: '2025-11-24T17:00:00.000Z' })
  const half = pageOf(await get('/v1/sensors/press-1/readings?to=2025-11-24T17:00:00Z', { token }))
  t.match(half, { from: '2025-11-23T17:00:00.000Z', to: undefined })
})

t.test('a range is half-open: its start is in it, its end is not', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const count = async (fromMs: number, toMs: number): Promise<number> =>
    pageOf(await get(`/v1/sensors/press-1/readings?from=${fromMs}&to=${toMs}`, { token })).readings.length
  t.equal(await count(START_MS, START_MS + 1), 1)
  t.equal(await count(START_MS - 1, START_MS), 0)
  t.equal(await count(START_MS + 1, START_MS + 2), 0)
})

t.test(`every value comes back bit for bit (seed ${seed})`, async (t) => {
  const { stores, addToken, addSensor, write } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'exact')
  const finite = fc.oneof(fc.double({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(-0, 0, 5e-324, 2 ** 53 + 2))
  const [sample = []] = fc.sample(fc.array(finite, { minLength: 2_000, maxLength: 2_000 }), { seed, numRuns: 1 })
  await write(
    'acme',
    sample.map((value, index) => ({ sensor: 'exact', timestampMs: START_MS + index, values: new Map([['level_m', value]]) })),
  )
  const { readings } = pageOf(await get(`/v1/sensors/exact/readings?from=${START_MS}&limit=2000`, { token }))
  t.equal(readings.length, sample.length)
  const wrong = sample.filter((value, index) => !Object.is(readings[index]?.level_m, value))
  t.same(wrong, [])
  const latest = await get('/v1/sensors/exact/latest', { token })
  t.match(latest.body, { latest: { level_m: { value: sample.at(-1) } } })
})

t.test('pages of any size add up to the range, in order, without a gap or a repeat', async (t) => {
  const { stores, addToken, addSensor, write } = await createWorld(t)
  const { get, url } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'fast')
  const times = Array.from({ length: 250 }, (_, index) => START_MS + index * 7)
  await write(
    'acme',
    times.map((timestampMs, index) => ({
      sensor: 'fast',
      timestampMs,
      values: new Map([[index % 3 === 0 ? 'rare_w' : 'power_w', index]]),
    })),
  )
  for (const limit of [1, 7, 249, 250, 251]) {
    const seen: string[] = []
    let path: string | undefined = `/v1/sensors/fast/readings?from=${START_MS}&metric=power_w&metric=rare_w&limit=${limit}`
    while (path !== undefined) {
      const answer: Answer = await get(path, { token })
      const { readings, next } = pageOf(answer)
      seen.push(...readings.map(({ ts }) => ts))
      const link = /^<([^>]*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
      t.equal(link === undefined, next === null, 'Link and next agree')
      path = link
      if (link !== undefined) t.equal(new URL(link, url).searchParams.get('cursor'), next)
    }
    t.same(
      seen,
      times.map((time) => new Date(time).toISOString()),
      `pages of ${limit}`,
    )
  }
})

t.test('a page of rows with many values ends early rather than grow without bound', async (t) => {
  const { stores, addToken, addSensor, write } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'wide')
  const metrics = Array.from({ length: 256 }, (_, index) => `metric_with_a_rather_long_name_of_its_own_number_${index}`)
  const values = new Map(metrics.map((metric) => [metric, Math.PI]))
  await write(
    'acme',
    Array.from({ length: 400 }, (_, index) => ({ sensor: 'wide', timestampMs: START_MS + index, values })),
  )
  const first = await get(`/v1/sensors/wide/readings?from=${START_MS}&limit=10000`, { token })
  const page = pageOf(first)
  t.ok(first.text.length < 4.4e6)
  t.type(page.next, 'string')
  const rest = pageOf(await get(`/v1/sensors/wide/readings?from=${START_MS}&limit=10000&cursor=${page.next}`, { token }))
  t.equal(page.readings.length + rest.readings.length, 400)
})

t.test('only the asked metrics are answered', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  t.match(pageOf(await get('/v1/sensors/press-1/readings?metric=power_w', { token })).readings, [
    { power_w: 1234.5, energy_wh: undefined },
  ])
  t.same(pageOf(await get('/v1/sensors/press-1/readings?metric=nothing_c', { token })).readings, [])
  t.match((await get('/v1/sensors/press-1/latest?metric=power_w', { token })).body, {
    latest: { power_w: { value: 1234.5 }, energy_wh: undefined },
  })
})

t.test('what is out of the ordinary stands in the row, and hides no metric', async (t) => {
  const { stores, addToken, addSensor, write } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'odd')
  const values = new Map([
    ['quality', 0.93],
    ['seq', 1],
    ['ts', 2],
  ])
  await write('acme', [
    { sensor: 'odd', timestampMs: START_MS, values, quality: 'estimated', sequence: 12, timeSource: 'receipt' },
  ])
  const { readings } = pageOf(await get('/v1/sensors/odd/readings', { token }))
  t.same(readings, [
    {
      ts: '2025-11-24T16:00:00.000Z',
      'metric:quality': 0.93,
      'metric:seq': 1,
      'metric:ts': 2,
      quality: { quality: 'estimated', seq: 'estimated', ts: 'estimated' },
      seq: 12,
      timeSource: 'receipt',
    },
  ])
})

t.test('a question that makes no sense is refused, and told why', async (t) => {
  const { stores, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const questions = {
    'from=2025-11-24T17:00:00Z&to=2025-11-24T16:00:00Z': 'from',
    'from=1764000000': 'from',
    'from=tomorrow': 'from',
    'to=': 'to',
    'limit=0': 'limit',
    'limit=10001': 'limit',
    'limit=1&limit=2': 'limit',
    'cursor=AAAA': 'cursor',
    'cursor=%00': 'cursor',
    'metric=Power': 'metric',
    'metric=a&metric=a': 'metric',
    'tenant=rival': 'tenant',
    'access_token=mlr_x': 'access_token',
    '__proto__=1': '__proto__',
  }
  for (const [question, parameter] of Object.entries(questions)) {
    const answer = await get(`/v1/sensors/press-1/readings?${question}`, { token })
    t.match(answer, { status: 400, body: { type: '/docs/reference/errors.md#query-invalid', errors: [{ parameter }] } }, question)
  }
  t.match(await get('/v1/sensors/no%20name/readings', { token }), { status: 400, body: { errors: [{ parameter: 'sensor' }] } })
})

t.test('the longest name of a sensor is found', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const name = `a${'.'.repeat(126)}z`
  await addSensor('acme', name)
  t.match(await get(`/v1/sensors/${name}/readings`, { token: await addToken('acme') }), {
    status: 200,
    body: { sensor: name, readings: [] },
  })
})
