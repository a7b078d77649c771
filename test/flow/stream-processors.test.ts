// Goal: what is on the event log ends up in the stores: every value, every sensor, every refusal with its reason; and doing it again changes nothing.
// Method: the processors on the real stores in a temporary folder, in this thread.
import t from 'tap'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { READINGS_TOPIC } from '../../schemas/topics.ts'
import { acme, message, NOW_MS, openWorld } from './stream-processors/world.ts'

t.test('values come out as they went in, and sensors are registered with their gateway', async (t) => {
  const world = await openWorld(t)
  await world.start()
  await world.append(
    message([
      { sensor: 'press-1', ts: NOW_MS, values: { power_w: 0.1 + 0.2, energy_wh: 998_877, low_w: -0 } },
      { sensor: 'press-2', values: { power_w: 5e-324 }, quality: 'bad', seq: 9 },
    ]),
    message([{ sensor: 'press-1', ts: NOW_MS + 1, values: { power_w: 2 } }], { key: 'acme/gw-2' }),
    message([{ sensor: 'press-1', ts: NOW_MS, values: { power_w: 7 } }], { key: 'bolt/gw-1' }),
  )
  await world.settled()
  t.same(await world.rows('press-1'), [
    [NOW_MS, { power_w: 0.1 + 0.2, energy_wh: 998_877, low_w: -0 }],
    [NOW_MS + 1, { power_w: 2 }],
  ])
  t.same(await world.rows('press-2'), [[NOW_MS + 5, { power_w: 5e-324 }]], 'a reading without a time has that of its receipt')
  t.same(await world.rows('press-1', proveTenant('bolt')), [[NOW_MS, { power_w: 7 }]])
  t.match(await world.metadata.sensors(acme, { limit: 10 }), [
    { id: 'press-1', firstSeenMs: NOW_MS + 5 },
    { id: 'press-2', gateway: 'gw-1', firstSeenMs: NOW_MS + 5 },
  ])
  t.equal(await world.metric('process_values_total', { outcome: 'stored' }), 6)
  t.equal(await world.metric('process_records_total', { processor: 'store', cell: 'main' }), 3)
  t.equal(await world.metric('process_newest_received_timestamp_seconds', { cell: 'main' }), (NOW_MS + 5) / 1_000)
  t.same(await world.rejected(), [])
})

t.test('records that can not be read are kept among the rejected ones, byte for byte, and hold up nothing', async (t) => {
  const world = await openWorld(t)
  await world.start()
  const good = message([{ sensor: 'press-1', ts: NOW_MS, values: { power_w: 1 } }])
  const changed = (position: number, byte: number) => ({
    ...good,
    value: Uint8Array.from(good.value, (old, at) => (at === position ? byte : old)),
  })
  const unreadable = [
    changed(0, 2),
    changed(1, 200),
    changed(10, 255),
    changed(20, 0x7d),
    { ...good, value: new Uint8Array() },
    { ...good, value: Buffer.from('not an envelope') },
    message([7]),
    message([{ sensor: 'press-1' }]),
    message([{ sensor: '../etc', values: { power_w: 1 } }]),
    message([{ sensor: 'press-1', ts: 1.5, values: { power_w: 1 } }]),
    message([{ sensor: 'press-1', values: { power_w: null } }]),
    message([{ sensor: 'press-1', quality: 'splendid', values: { power_w: 1 } }]),
    message([{ sensor: 'press-1', values: { power_w: 1 } }], { receivedMs: Number.NaN }),
  ]
  const foreign = { ...good, key: 'nobody' }
  await world.append(...unreadable, foreign, good)
  await world.settled()
  t.same(await world.rows('press-1'), [[NOW_MS, { power_w: 1 }]])
  const rejected = await world.rejected()
  const sent = [...unreadable, foreign].map(({ value }) => Buffer.from(value).toString('hex'))
  t.same(rejected.map(({ value }) => Buffer.from(value).toString('hex')).sort(), sent.sort())
  for (const { headers = {} } of rejected)
    t.match(headers, {
      [REJECTION_HEADERS.reason]: 'record.unreadable',
      [REJECTION_HEADERS.topic]: READINGS_TOPIC,
      [REJECTION_HEADERS.stage]: 'store',
      [REJECTION_HEADERS.offset]: /^\d+$/,
    })
  t.equal((await world.indexed()).length, unreadable.length, 'whose key is no gateway can be shown to nobody')
  t.equal(await world.metric('process_records_unreadable_total'), unreadable.length + 1)
  t.same(world.deaths, [])
})

t.test('points that the store refuses point back into their own messages', async (t) => {
  const world = await openWorld(t, { limits: { sensorsPerTenantMax: 2, metricsPerTenantMax: 3 } })
  await world.start()
  const reading = (sensor: string, at: number, metric = 'power_w') => ({ sensor, ts: NOW_MS + at, values: { [metric]: at } })
  await world.append(
    message([reading('one', 0), reading('two', 1), reading('three', 2), reading('one', 3)]),
    message([reading('one', 4), reading('two', 5)]),
    message([reading('four', 6), reading('one', 7, 'b'), reading('one', 8, 'c'), reading('one', 9, 'd')]),
  )
  await world.settled()
  const rejected = await world.rejected()
  const faults = rejected.map(({ headers = {} }) => JSON.parse(headers[REJECTION_HEADERS.faults] ?? '[]'))
  t.match(faults, [
    [{ reason: 'store.sensor-limit', pointer: '/readings/2' }],
    [
      { reason: 'store.sensor-limit', pointer: '/readings/0' },
      { reason: 'store.metric-limit', pointer: '/readings/3' },
    ],
  ])
  t.match(rejected[1]?.headers, {
    [REJECTION_HEADERS.reason]: 'store.sensor-limit',
    [REJECTION_HEADERS.pointer]: '/readings/0',
    [REJECTION_HEADERS.offset]: '2',
  })
  t.match(JSON.parse(Buffer.from(rejected[1]?.value ?? []).toString()), { readings: [{ sensor: 'four' }, {}, {}, {}] })
  t.same(
    (await world.rows('one')).map(([timeMs]) => Number(timeMs) - NOW_MS),
    [0, 3, 4, 7, 8],
  )
  t.same(
    (await world.metadata.sensors(acme, { limit: 10 })).map(({ id }) => id),
    ['one', 'two'],
    'a sensor of which nothing is stored is not registered',
  )
  t.same((await world.indexed()).map(({ reason, pointer, stage }) => [reason, pointer, stage]).sort(), [
    ['store.metric-limit', '/readings/3', 'store'],
    ['store.sensor-limit', '/readings/0', 'store'],
    ['store.sensor-limit', '/readings/2', 'store'],
  ])
  t.equal(await world.metric('process_points_refused_total'), 3)
})

t.test('of two values for one reading the last wins; both kinds of repetition are counted', async (t) => {
  const world = await openWorld(t)
  await world.start()
  const reading = (power_w: number) => message([{ sensor: 'press-1', ts: NOW_MS, values: { power_w } }])
  await world.append(reading(1), reading(1), reading(2))
  await world.settled()
  await world.append(reading(2), reading(3))
  await world.settled()
  t.same(await world.rows('press-1'), [[NOW_MS, { power_w: 3 }]])
  t.equal(await world.metric('process_values_total', { outcome: 'stored' }), 1)
  t.equal(await world.metric('process_values_total', { outcome: 'duplicate' }), 2)
  t.equal(await world.metric('process_values_total', { outcome: 'conflict' }), 2)
})

t.test('the same records once more, in other batches, change no value', async (t) => {
  const world = await openWorld(t, { config: { MILLRACE_PROCESS_BATCH_RECORDS_MAX: 7 } })
  const first = await world.start()
  for (let at = 0; at < 50; at++) {
    const late = at % 5 === 0 ? NOW_MS - at * 1_000 : NOW_MS + at
    const again = { sensor: 'press-1', ts: NOW_MS + (at >> 1), values: { power_w: at, [`extra_${at % 3}`]: at } }
    await world.append(message([again, { sensor: 'press-2', ts: late, values: { power_w: at } }]))
  }
  await world.settled()
  await first.stop()
  const before = [await world.rows('press-1'), await world.rows('press-2')]
  t.equal(before[1]?.length, 50)

  world.spy('log.sqlite').exec('DELETE FROM committed')
  await world.start()
  await world.settled()
  t.same([await world.rows('press-1'), await world.rows('press-2')], before)
})

t.test('readings past the retention go, the others stay', async (t) => {
  const world = await openWorld(t, { config: { MILLRACE_RETENTION_DAYS: 1 } })
  const DAY_MS = 86_400_000
  const feeding = await world.start()
  await world.append(
    message([
      { sensor: 'old', ts: NOW_MS - 3 * DAY_MS, values: { power_w: 1 } },
      { sensor: 'both', ts: NOW_MS - 2 * DAY_MS, values: { power_w: 1 } },
      { sensor: 'both', ts: NOW_MS, values: { power_w: 2 } },
    ]),
  )
  await world.settled()
  await feeding.stop()
  await world.start()
  while ((await world.rows('both')).length > 1) await world.eventLog.ping()
  t.same(await world.rows('both'), [[NOW_MS, { power_w: 2 }]])
  t.same(await world.rows('old'), [])
})
