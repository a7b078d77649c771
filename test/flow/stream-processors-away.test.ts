// Goal: a store that is away, full or damaged delays readings and loses none, and a processor that can't go on says so.
// Method: the real stores, made to fail as they do: refusing writes, closed, damaged. Where a store gives no such handle, its one method is wrapped.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import type { SensorStore } from '../../platform/ports/metadata.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { startThread } from '../../platform/runtime/thread.ts'
import type { ProcessorCalls, ProcessorThreadData } from '../../stream-processors/main.ts'
import { until } from '../unit/sqlite-log/open-log.ts'
import { acme, defaultConfig, message, NOW_MS, openWorld } from './stream-processors/world.ts'

const reading = (sensor: string, power_w: number) => message([{ sensor, ts: NOW_MS, values: { power_w } }])
const retries = { processor: 'store', cell: 'main' }

t.test('a time series that refuses to write is waited for, and nothing is committed meanwhile', async (t) => {
  const world = await openWorld(t)
  const spy = world.spy('series.sqlite')
  spy.exec("CREATE TRIGGER full BEFORE INSERT ON fresh BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
  await world.start()
  await world.append(reading('press-1', 1), reading('press-2', 2))
  await until(async () => (await world.metric('process_retries_total', retries)) >= 2)
  t.equal(await world.lag(), 2)
  t.same(await world.rows('press-1'), [])
  t.same(await world.metadata.sensors(acme, { limit: 10 }), [], 'nothing is registered of what is not stored')
  spy.exec('DROP TRIGGER full')
  await world.settled()
  t.same([await world.rows('press-1'), await world.rows('press-2')], [[[NOW_MS, { power_w: 1 }]], [[NOW_MS, { power_w: 2 }]]])
  t.equal(await world.metric('process_values_total', { outcome: 'stored' }), 2)
})

t.test('a register of sensors that is away is waited for, and told of every sensor once it is back', async (t) => {
  let sensors: Pick<SensorStore, 'recordSensors'> | undefined
  const world = await openWorld(t, {
    through: ({ sensors: real }) => ({ sensors: { recordSensors: (list) => (sensors ?? real).recordSensors(list) } }),
  })
  await world.metadata.close()
  await world.start()
  await world.append(reading('press-1', 1), reading('press-2', 2))
  await until(async () => (await world.metric('process_retries_total', retries)) >= 2)
  t.equal(await world.lag(), 2)
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const metadata = await openSqliteMetadata({ folder: world.folder, onDeath })
  t.teardown(() => metadata.close())
  sensors = metadata
  await world.settled()
  t.match(await metadata.sensors(acme, { limit: 10 }), [{ id: 'press-1' }, { id: 'press-2' }])
  t.same(world.deaths, [])
})

t.test('a refusal that can not be kept is not committed, and is kept once', async (t) => {
  let failures = 2
  const world = await openWorld(t, {
    through: ({ eventLog }) => ({
      eventLog: {
        ...eventLog,
        async append(records) {
          if (failures-- > 0) throw new MillraceError('event-log.unavailable', 'The disk is full.')
          await eventLog.append(records)
        },
      },
    }),
  })
  await world.start()
  await world.append({ ...reading('press-1', 1), value: Buffer.from('damaged') }, reading('press-1', 1))
  await until(async () => (await world.metric('process_retries_total', retries)) >= 1)
  t.equal(await world.lag(), 2)
  await world.settled()
  t.equal((await world.rejected()).length, 1)
  t.equal((await world.indexed()).length, 1)
  t.equal(await world.metric('process_records_unreadable_total'), 1)
})

t.test('an index of rejections that refuses to write holds up nothing but itself', async (t) => {
  const world = await openWorld(t)
  const spy = world.spy('series.sqlite')
  spy.exec("CREATE TRIGGER full BEFORE INSERT ON rejection BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
  await world.start()
  await world.append({ ...reading('press-1', 1), value: Buffer.from('damaged') })
  await until(async () => (await world.metric('process_retries_total', { processor: 'rejections', cell: 'main' })) >= 1)
  await world.append(reading('press-1', 2))
  await until(async () => (await world.rows('press-1')).length === 1)
  t.same(await world.indexed(), [])
  spy.exec('DROP TRIGGER full')
  await world.settled()
  t.equal((await world.indexed()).length, 1)
})

t.test('an error that waiting can not mend is told to whoever runs the processors', async (t) => {
  const world = await openWorld(t, {
    through: () => ({ sensors: { recordSensors: () => Promise.reject(new TypeError('a bug')) } }),
  })
  const { stop } = await world.start()
  await world.append(reading('press-1', 1))
  await until(() => world.deaths.length > 0)
  t.match(world.deaths, [{ message: 'a bug' }])
  t.equal(await world.lag(), 1, 'nothing was committed')
  await stop()
})

t.test('processors that can not all start leave none running', async (t) => {
  const world = await openWorld(t, {
    through: ({ eventLog }) => ({
      eventLog: {
        ...eventLog,
        join: (group, topics) =>
          group.endsWith('rejections')
            ? Promise.reject(new MillraceError('event-log.unavailable', 'The log is away.'))
            : eventLog.join(group, topics),
      },
    }),
  })
  await t.rejects(world.start(), { code: 'event-log.unavailable' })
  await world.append(reading('press-1', 1))
  t.same(await world.rows('press-1'), [])
  t.equal(await world.lag(), 1)
})

t.test('the thread of the processors says which store can not be opened, and lives to say it', async (t) => {
  const world = await openWorld(t)
  const folder = t.testdir()
  writeFileSync(join(folder, 'series.sqlite'), 'Dear diary. '.repeat(1_000))
  const sensors = new MessageChannel()
  const port = await world.eventLog.connect()
  const deaths: Error[] = []
  const thread = startThread<ProcessorCalls>({
    module: new URL('../../stream-processors/main.ts', import.meta.url),
    data: {
      folder,
      config: defaultConfig(),
      logOptions: { level: 'silent', part: 'process', isPretty: false },
      eventLog: { kind: 'sqlite', port },
      series: { kind: 'sqlite', folder },
      metadataPort: sensors.port2,
    } satisfies ProcessorThreadData,
    transfer: [port, sensors.port2],
    unavailable: 'time-series.unavailable',
    onDeath: (error) => deaths.push(error),
  })
  t.teardown(() => sensors.port1.close())
  t.teardown(() => thread.terminate())
  await t.rejects(thread.call('ready'), { code: 'store.damaged', message: /series.sqlite is damaged/ })
  await t.rejects(thread.call('stop'), { code: 'store.damaged' })
  t.same(deaths, [])
})
