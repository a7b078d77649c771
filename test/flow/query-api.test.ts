import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { gatewayAnswer, gatewaysPage } from '../../schemas/api/gateways.ts'
import { healthAnswer, readinessAnswer } from '../../schemas/api/health.ts'
import { rejectedPage, rejectionAnswer } from '../../schemas/api/rejected.ts'
import { latestOfOne, latestPage, sensorAnswer, sensorsPage } from '../../schemas/api/sensors.ts'
import { compile, firstError } from '../../schemas/compile.ts'
import { REJECTED_TOPIC } from '../../schemas/topics.ts'
import { createWorld, NOW_MS, startApi, type World } from './query-api-world.ts'

const HOUR_MS = 3_600_000

/** undefined when the answer is what its schema says; otherwise what is wrong with it. */
function faultOf(schema: object, body: unknown): unknown {
  const validate = compile<unknown>(schema)
  return validate(body) ? undefined : firstError(validate)
}

t.test('sensors are listed with their last readings', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'silent', 'gw-2')
  const { status, body } = await get('/v1/sensors', { token })
  t.equal(status, 200)
  t.equal(faultOf(sensorsPage, body), undefined)
  t.match(body, {
    sensors: [
      {
        sensor: 'press-1',
        gateway: 'gw-1',
        firstSeen: '2025-11-23T17:00:00.000Z',
        lastSeen: '2025-11-24T16:00:00.020Z',
        latest: { power_w: { ts: '2025-11-24T16:00:00.000Z', value: 1234.5 }, energy_wh: { value: 998_877 } },
      },
      { sensor: 'silent', lastSeen: null, latest: {} },
    ],
    next: null,
  })
  t.match((await get('/v1/sensors?gateway=gw-2', { token })).body, { sensors: [{ sensor: 'silent' }] })
  const one = await get('/v1/sensors/press-1', { token })
  t.equal(faultOf(sensorAnswer, one.body), undefined)
  t.match(one.body, { sensor: 'press-1', latest: { power_w: { value: 1234.5 } } })
})

t.test('lists come in pages that add up', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  for (const name of ['a', 'b', 'c', 'd']) await addSensor('acme', name)
  for (const [path, list] of [
    ['/v1/sensors', 'sensors'],
    ['/v1/latest', 'sensors'],
  ] as const) {
    const seen: unknown[] = []
    let cursor = ''
    for (let page = 0; page < 10; page += 1) {
      const { body } = await get(`${path}?limit=2${cursor}`, { token })
      const items = body?.[list]
      if (Array.isArray(items)) seen.push(...items.map(({ sensor }) => sensor))
      if (body?.next === null) break
      cursor = `&cursor=${body?.next}`
    }
    t.same(seen, ['a', 'b', 'c', 'd', 'press-1'], path)
  }
})

t.test('the newest values of many sensors come at once, and none is left out in silence', async (t) => {
  const { stores, addToken, addSensor } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  await addSensor('acme', 'silent')
  const { body } = await get('/v1/latest?sensor=silent&sensor=press-1&sensor=secret-oven&metric=power_w', { token })
  t.equal(faultOf(latestPage, body), undefined)
  t.match(body, {
    sensors: [
      { sensor: 'silent', lastSeen: null, latest: {} },
      { sensor: 'press-1', latest: { power_w: { value: 1234.5 }, energy_wh: undefined } },
    ],
    unknown: ['secret-oven'],
    next: null,
  })
  const one = await get('/v1/sensors/press-1/latest', { token })
  t.equal(faultOf(latestOfOne, one.body), undefined)
  t.match(one.body, { sensor: 'press-1', lastSeen: '2025-11-24T16:00:00.020Z' })
})

t.test('gateways tell whether they are connected and when their access ends', async (t) => {
  const { stores, metadata, addToken } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const token = await addToken('acme')
  const before = await get('/v1/gateways', { token })
  t.equal(faultOf(gatewaysPage, before.body), undefined)
  t.match(before.body, {
    gateways: [{ gateway: 'gw-1', revoked: null, presence: null, certificateExpires: '2025-11-25T17:00:00.000Z' }],
  })

  await metadata.recordPresence([
    { tenant: 'acme', gateway: 'gw-1', isConnected: true, listener: 'one', sinceMs: NOW_MS - HOUR_MS, lastMessageMs: NOW_MS - 1 },
  ])
  const certificate = { fingerprint: 'b'.repeat(64), serial: '02', notBeforeMs: NOW_MS - 1, notAfterMs: NOW_MS + 90 * HOUR_MS }
  await metadata.rotateGateway({ tenant: 'acme', id: 'gw-1', certificate, revokeOthersMs: NOW_MS })
  const { body } = await get('/v1/gateways/gw-1', { token })
  t.equal(faultOf(gatewayAnswer, body), undefined)
  t.match(body, {
    presence: { isConnected: true, since: '2025-11-24T16:00:00.000Z', lastMessage: '2025-11-24T16:59:59.999Z' },
    certificateExpires: '2025-11-28T11:00:00.000Z',
    certificates: [{ serial: '02', state: 'valid' }, { state: 'revoked' }],
  })
  t.match(await get('/v1/gateways/gw-9', { token }), { status: 404, body: { type: /#gateway-unknown$/ } })
})

/** Puts a message into `rejected.v1` and its faults into the index. @returns the offset. */
async function reject({ eventLog, writer }: World, { key, bytes, timeMs }: { key: string; bytes: Uint8Array; timeMs: number }) {
  await eventLog.append([{ topic: REJECTED_TOPIC, key, value: bytes }])
  const partitions = await eventLog.partitions(REJECTED_TOPIC)
  const records = await Promise.all(
    partitions.map(({ partition, firstOffset }) =>
      eventLog.read({ topic: REJECTED_TOPIC, partition, offset: firstOffset }, { recordsMax: 1_000, bytesMax: 1_000_000 }),
    ),
  )
  const record = records.flat().find(({ value }) => Buffer.from(value).equals(bytes))
  if (record === undefined) throw new Error('The record is not in the log.')
  const [tenant = '', gateway = ''] = key.split('/')
  const place = { tenant, gateway, timeMs, partition: record.partition, offset: record.offset, stage: 'ingest' } as const
  await writer.index([
    { ...place, reason: 'reading.value', pointer: '/readings/0/values/power_w', detail: 'It is text.', fault: 0 },
    { ...place, reason: 'time.too-old', pointer: '/readings/1/ts', detail: 'It is from 1999.', fault: 1 },
  ])
}

t.test('what was refused is listed newest first, with reasons, and found again with its bytes', async (t) => {
  const world = await createWorld(t)
  const { get } = await startApi(t, world.stores)
  const token = await world.addToken('acme')
  const text = Buffer.from('{"readings":[{"sensor":"press-1","values":{"power_w":"é"}}]}')
  const binary = Buffer.from([0xff, 0x00, 0xfe])
  await reject(world, { key: 'acme/gw-1', bytes: text, timeMs: NOW_MS - 2_000 })
  await reject(world, { key: 'acme/gw-2', bytes: binary, timeMs: NOW_MS - 1_000 })
  await reject(world, { key: 'rival/gw-1', bytes: Buffer.from('secret'), timeMs: NOW_MS - 500 })

  const { body } = await get('/v1/rejected', { token })
  t.equal(faultOf(rejectedPage, body), undefined)
  t.match(body, { rejected: [{ gateway: 'gw-2' }, { gateway: 'gw-2' }, { gateway: 'gw-1' }, { gateway: 'gw-1' }], next: null })
  const { body: filtered } = await get('/v1/rejected?gateway=gw-1&reason=time.too-old&from=2025-11-24T16:00:00Z', { token })
  t.match(filtered, {
    rejected: [{ reason: 'time.too-old', sentence: /retention/, pointer: '/readings/1/ts', detail: 'It is from 1999.' }],
  })

  const ids = (Array.isArray(body?.rejected) ? body.rejected : []).map(({ id }) => String(id))
  t.equal(new Set(ids).size, 4)
  const asText = await get(`/v1/rejected/${ids[3]}`, { token })
  t.equal(faultOf(rejectionAnswer, asText.body), undefined)
  t.match(asText.body, {
    original: { isHeld: true, sizeBytes: text.length, base64: text.toString('base64'), text: text.toString() },
  })
  const asBytes = await get(`/v1/rejected/${ids[0]}`, { token })
  t.match(asBytes.body, { original: { isHeld: true, base64: binary.toString('base64'), text: null } })
  t.match(await get(`/v1/rejected/${ids[0]}`, { token: await world.addToken('rival') }), { status: 404 }, "another tenant's")

  const seen: string[] = []
  let cursor = ''
  for (let page = 0; page < 10; page += 1) {
    const { body: part } = await get(`/v1/rejected?limit=1${cursor}`, { token })
    if (Array.isArray(part?.rejected)) seen.push(...part.rejected.map(({ id }) => String(id)))
    if (part?.next === null) break
    cursor = `&cursor=${part?.next}`
  }
  t.same(seen, ids, 'pages add up')
})

t.test('a refusal whose message has left the log says so', async (t) => {
  const world = await createWorld(t)
  const { get } = await startApi(t, world.stores)
  const entry = { tenant: 'acme', gateway: 'gw-1', stage: 'ingest', reason: 'payload.not-json', pointer: '', detail: '' } as const
  await world.writer.index([{ ...entry, timeMs: NOW_MS - 1, partition: 0, offset: 4_711, fault: 0 }])
  const { status, body } = await get(`/v1/rejected/${NOW_MS - 1}-0-4711-0`, { token: await world.addToken('acme') })
  t.equal(status, 200)
  t.equal(faultOf(rejectionAnswer, body), undefined)
  t.match(body, { original: { isHeld: false, note: /no longer/ } })
})

t.test('probes tell whether the process turns and which dependency is down', async (t) => {
  const { stores, metadata } = await createWorld(t)
  let isDown = false
  const checks = {
    metadata: () => metadata.ping(),
    'event log': async () => {
      if (isDown) throw new MillraceError('event-log.unavailable', 'disk /secret/path is full')
    },
  }
  const { get } = await startApi(t, stores, { checks })
  const live = await get('/healthz')
  t.match(live, { status: 200, body: { status: 'ok' } })
  t.equal(faultOf(healthAnswer, live.body), undefined)
  t.match(await get('/readyz'), {
    status: 200,
    body: { status: 'ready', checks: [{ name: 'metadata', state: 'up' }, { state: 'up' }] },
  })
  isDown = true
  const down = await get('/readyz')
  t.equal(faultOf(readinessAnswer, down.body), undefined)
  t.match(down, {
    status: 503,
    body: { status: 'unavailable', checks: [{ state: 'up' }, { state: 'down', why: 'event-log.unavailable' }] },
  })
  t.notMatch(down.text, /secret/)
  t.equal((await get('/healthz')).status, 200, 'a store that is away is no reason to be killed')
})

t.test('the first page is the documentation, served from here under a strict policy', async (t) => {
  const { stores } = await createWorld(t)
  const { get } = await startApi(t, stores)
  const root = await get('/')
  t.match([root.status, root.headers.get('location')], [302, '/docs'])
  const docs = await get('/docs')
  t.equal(docs.status, 200)
  const policy = docs.headers.get('content-security-policy') ?? ''
  t.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
  t.notMatch(policy, /unsafe|https?:|\*/)
  t.notMatch(docs.text, /<script(?![^>]*src=)|<style|style=|https?:\/\//, 'nothing inline, nothing from elsewhere')
  for (const [, address = ''] of docs.text.matchAll(/(?:src|href)="([^"]+)"/g)) t.equal((await get(address)).status, 200, address)
  t.match((await get('/docs/static/swagger-initializer.js')).text, /resolveUrl\('\.\/json'\)/)
  t.equal((await get('/docs/json')).text, (await get('/v1/openapi.json')).text)
})
