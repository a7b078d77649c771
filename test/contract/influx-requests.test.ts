// Goal: the points of one call leave in several requests while the others are still being read, and nobody can tell.
// Method: a real server behind a proxy of this test's own that holds requests for a while, the first ones longest.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openInfluxReader } from '../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../platform/adapters/influx/open-writer.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import type { Point } from '../../platform/ports/time-series.ts'
import { notOwner } from '../../platform/runtime/ownership.ts'
import { freePort } from '../../scripts/services/run.ts'
import { needsService } from '../services.ts'
import { firstOf, openWorld } from './influx/world.ts'
import { everything, never, point, T0 } from './time-series/implementations.ts'
import { quiet } from './time-series/influx.ts'

const acme = proveTenant('acme')
const FIRST_HELD_MS = 300
const LESS_EACH_MS = 60

t.test('InfluxDB, slow in answering', { skip: needsService('influx') }, (t) => {
  t.test('of thousands of points, the last one of a sensor and time wins', async (t) => {
    const { writer, reader, requests } = await openSlow(t)
    const [sensors, times, points] = [8, 50, 14_000]
    const batch = Array.from({ length: points }, (_, n) =>
      point({ power_w: n }, { sensor: `press-${n % sensors}`, timestampMs: T0 + (Math.floor(n / sensors) % times) }),
    )
    t.match(await writer.write(batch, never), { rejected: [], stored: points })
    t.ok(requests.count > 6, `${requests.count} requests`)
    t.equal(requests.mostAtOnce, 3)
    for (let sensor = 0; sensor < sensors; sensor++) {
      const rows = await reader.range(acme, { ...everything, sensor: `press-${sensor}` }, never)
      const lowest = Math.min(...rows.map(({ values }) => values.get('power_w') ?? -1))
      t.equal(rows.length, times)
      t.ok(lowest >= points - sensors * times, `${lowest}`)
    }
  })

  t.test('a call that is given up half-way leaves nothing under way, and says again when a sensor was heard', async (t) => {
    const { writer, reader, requests } = await openSlow(t)
    function* points(count: number, error?: Error): Generator<Point> {
      for (let n = 0; n < count; n++) yield point({ power_w: n }, { timestampMs: T0 + n, receivedMs: T0 + 7_200_000 })
      if (error) throw error
    }
    // The names of the tenant are known from here on, and nothing waits for them; and when the sensor was heard is no longer told by its newest point.
    await writer.write([point({ power_w: 0 }, { timestampMs: T0 + 60_000 })], never)
    await t.rejects(writer.write(points(4_500, new RangeError('half-way')), never), RangeError)
    t.equal(requests.now, 0)
    t.ok((await reader.range(acme, everything, never)).length > 1, 'what was ready had left')

    // The first one is held again, so that the call is still under way when it is told to stop.
    requests.count = 0
    const stop = new AbortController()
    const aborted = writer.write(points(9_000), stop.signal)
    await setTimeout(FIRST_HELD_MS / 3)
    stop.abort()
    await t.rejects(aborted)
    t.equal(requests.now, 0)

    await writer.write(points(1), never)
    const [row] = await reader.latest(acme, ['press-1'], never)
    t.equal(row?.lastSeenMs, T0 + 7_200_000)
  })
  t.test('what was given up makes a sensor neither heard of later nor earlier than it was', async (t) => {
    const { writer, reader } = await openSlow(t)
    const heardMs = T0 + 7_200_500
    const at = (timestampMs: number, receivedMs: number): Point => point({ power_w: 1 }, { timestampMs, receivedMs })
    function* broken(): Generator<Point> {
      yield at(T0 + 1, heardMs + 50)
      throw new RangeError('half-way')
    }
    await writer.write([at(T0 + 60_000, T0)], never)
    await writer.write([at(T0, heardMs)], never)
    await t.rejects(writer.write(broken(), never), RangeError)
    await writer.write([at(T0 + 2, heardMs - 50)], never)
    const [row] = await reader.latest(acme, ['press-1'], never)
    t.equal(row?.lastSeenMs, heardMs)
  })

  t.test('a server that is asked too much says how long to wait, and nothing is taken as stored', async (t) => {
    const { writer, reader, requests } = await openSlow(t)
    // So that the names of the tenant needn't be asked for.
    await writer.write([point({ energy_wh: 1 })], never)
    for (const status of [429, 503]) {
      requests.refusal = { status, headers: { 'retry-after': '2' } }
      const busy = {
        code: 'time-series.unavailable',
        remedy: 'retry',
        details: { retryAfterMs: 2_000 },
        message: new RegExp(`${status}`),
      }
      await t.rejects(writer.write([point({ power_w: 1 })], never), busy)
    }
    requests.refusal = undefined
    const [row] = await reader.range(acme, everything, never)
    t.same([...(row?.values.keys() ?? [])], ['energy_wh'])
    t.match(await writer.write([point({ power_w: 1 })], never), { stored: 1, rejected: [] })
  })

  t.test('nothing more leaves once the points may be of another', async (t) => {
    const { writer, requests } = await openSlow(t)
    await writer.write([point({ power_w: 0 })], never)
    const before = requests.count
    const isGone = (): boolean => requests.count - before >= 2
    const mayLeave = async (): Promise<void> => {
      if (isGone()) throw notOwner()
    }
    const batch = Array.from({ length: 6_000 }, (_, n) => point({ power_w: n }, { timestampMs: T0 + n }))
    await t.rejects(writer.write(batch, never, mayLeave), { code: 'event-log.not-owner' })
    t.equal(requests.count - before, 2)
    t.equal(requests.now, 0)
  })
  t.end()
})

interface Requests {
  count: number
  /** Under way. */
  now: number
  mostAtOnce: number
  /** What the proxy answers instead of the server. */
  refusal: { readonly status: number; readonly headers: Readonly<Record<string, string>> } | undefined
}

/** Holds the first requests the longest, so that one that doesn't wait for those before it overtakes them. */
async function openSlow(t: Test) {
  const { cells, places } = await openWorld(t)
  const cell = firstOf(cells)
  const requests: Requests = { count: 0, now: 0, mostAtOnce: 0, refusal: undefined }
  const proxy = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    const holdMs = url.startsWith('/api/v2/write') ? Math.max(0, FIRST_HELD_MS - LESS_EACH_MS * requests.count++) : 0
    requests.mostAtOnce = Math.max(requests.mostAtOnce, ++requests.now)
    const body = await buffer(incoming)
    if (requests.refusal !== undefined) {
      requests.now--
      response.writeHead(requests.refusal.status, requests.refusal.headers).end('{}')
      return
    }
    await setTimeout(holdMs)
    const { authorization = '', 'content-type': type = '' } = headers
    const sending = { method, headers: { authorization, 'content-type': type }, ...(body.length > 0 && { body }) }
    const answer = await fetch(cell.url + url, sending)
    const text = Buffer.from(await answer.arrayBuffer())
    requests.now--
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text)
  })
  const port = await freePort()
  await once(proxy.listen(port, '127.0.0.1'), 'listening')
  t.teardown(() => proxy.close())
  const writer = openInfluxWriter({ cell: { ...cell, url: `http://127.0.0.1:${port}` }, log: quiet })
  const reader = openInfluxReader({ cells, places })
  t.teardown(() => writer.close())
  t.teardown(() => reader.close())
  return { writer, reader, requests }
}
