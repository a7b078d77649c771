// Goal: what InfluxDB acknowledges and then loses is noticed and stored again, and one whose disk was full is not believed until it was
// started anew. Nothing that the event log holds is missing in the end.
// Method: a real server of this test's own, on a small file system of its own, killed and bereft of its write-ahead log.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { ensureBuckets } from '../../platform/adapters/influx/ensure.ts'
import { openInfluxReader } from '../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../platform/adapters/influx/open-writer.ts'
import { openSqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import type { NewRecord } from '../../platform/ports/event-log.ts'
import { REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'
import { startInflux } from '../../scripts/services/influx.ts'
import { createCellShares } from '../../stream-processors/cell-share.ts'
import { consumerGroup } from '../../stream-processors/consumer-groups.ts'
import { createProcessMetrics } from '../../stream-processors/metrics.ts'
import { startProcessors } from '../../stream-processors/service.ts'
import { quiet } from '../contract/time-series/influx.ts'
import { acme, defaultConfig, message, NOW_MS } from '../flow/stream-processors/world.ts'
import { needsService } from '../services.ts'
import { DAY_MS, never, until } from '../unit/sqlite-log/open-log.ts'
import { mountSmallDisk, needsMount } from './harness/small-disk.ts'

const DISK_MIB = 80
const RECORDS = 300
const REJECTIONS = 40
t.setTimeout(120_000)

async function openWorld(t: Test) {
  const disk = mountSmallDisk(t, await mkdtemp(join(tmpdir(), 'millrace-influx-')), DISK_MIB)
  const influx = await startInflux(join(disk.folder, 'influx'))
  t.teardown(() => influx.stop())
  const folder = t.testdir({ data: {} })
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const metadata = await openSqliteMetadata({ folder: join(folder, 'data'), onDeath })
  t.teardown(() => metadata.close())
  await metadata.addTenant({ id: 'acme', name: 'Acme', createdMs: 0 })
  const topics = [READINGS_TOPIC, REJECTED_TOPIC].map((name) => ({ name, partitions: 1, retentionMs: DAY_MS }))
  const eventLog = await openSqliteLog({
    folder: join(folder, 'data'),
    topics,
    bytesMax: 0,
    lingerMs: 1,
    retentionEveryMs: DAY_MS,
    onDeath,
  })
  t.teardown(() => eventLog.close())
  const cell = { name: 'main', url: influx.url, org: influx.org, bucket: 'readings', token: influx.token }
  await ensureBuckets(cell, { readingsDays: 396, rejectedDays: 90 })
  const series = openInfluxWriter({ cell, log: quiet })
  t.teardown(() => series.close())
  const reader = openInfluxReader({ cells: [cell], places: metadata })
  t.teardown(() => reader.close())
  const metrics = new Registry()
  const share = createCellShares(['main'], metadata, quiet)('main')
  const ports = { eventLog, series, rejections: series, sensors: metadata, readBack: series, share }
  const surroundings = { config: defaultConfig(), log: quiet, metrics: createProcessMetrics(metrics), onDeath }
  let running = await startProcessors(ports, surroundings)
  t.teardown(() => running.stop())
  let sent = 0
  let rejectedCount = 0

  return {
    disk,
    influx,
    async startAnew(): Promise<void> {
      await running.stop()
      running = await startProcessors(ports, surroundings)
    },
    async send(count: number): Promise<void> {
      const records = Array.from({ length: count }, (_, n) =>
        message([{ sensor: 'press-1', ts: NOW_MS + sent + n, values: { power_w: sent + n } }]),
      )
      for (const record of records) await eventLog.append([record])
      sent += count
    },
    sent: () => sent,
    async reject(count: number): Promise<void> {
      for (let n = 0; n < count; n++) await eventLog.append([rejected(`the ${rejectedCount + n}th`)])
      rejectedCount += count
    },
    async listed(): Promise<number> {
      const all = { fromMs: 0, toMs: NOW_MS + DAY_MS, limit: 10_000 }
      return (await reader.rejections(acme, all, never)).length
    },
    async rows(): Promise<readonly number[]> {
      const everything = { sensor: 'press-1', metrics: [], fromMs: 0, toMs: NOW_MS + DAY_MS, limit: 50_000 }
      return (await reader.range(acme, everything, never)).map(({ values }) => values.get('power_w') ?? -1)
    },
    async lag(): Promise<number> {
      const lags = [
        ...(await eventLog.lag(consumerGroup('store'), READINGS_TOPIC)),
        ...(await eventLog.lag(consumerGroup('rejections'), REJECTED_TOPIC)),
      ]
      return lags.reduce((sum, { records }) => sum + records, 0)
    },
    async metric(name: string): Promise<number> {
      const found = await metrics.getSingleMetric(name)?.get()
      return found?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    },
  }
}

function rejected(detail: string): NewRecord {
  const headers = {
    [REJECTION_HEADERS.faults]: JSON.stringify([{ reason: 'reading.value', pointer: '/readings/0', detail }]),
    [REJECTION_HEADERS.receivedMs]: String(NOW_MS),
  }
  return { topic: REJECTED_TOPIC, key: 'acme/gw-1', value: Buffer.from('{}'), headers }
}

const count = (length: number): readonly number[] => Array.from({ length }, (_, n) => n)

t.test('InfluxDB at fault', { skip: needsService('influx') || needsMount(join(t.testdirName, 'probe')) }, async (t) => {
  t.test('what it acknowledged and lost is noticed at its next start, and stored again', async (t) => {
    const world = await openWorld(t)
    await world.send(RECORDS)
    await world.reject(REJECTIONS)
    await until(async () => (await world.lag()) === 0)
    t.same(await world.rows(), count(RECORDS))
    t.equal(await world.listed(), REJECTIONS)

    world.influx.child.kill('SIGKILL')
    await setTimeout(2_000)
    await rm(join(world.disk.folder, 'influx', 'engine', 'wal'), { recursive: true })
    await world.influx.startAgain()
    t.same(await world.rows(), [], 'all that it had acknowledged is gone')
    t.equal(await world.listed(), 0)

    // The store is asked every 10 s whether it is still the same one, also while no gateway sends anything.
    await until(async () => (await world.rows()).length === RECORDS && (await world.listed()) === REJECTIONS)
    await world.send(1)
    await world.reject(1)
    await until(async () => (await world.lag()) === 0)
    t.same(await world.rows(), count(RECORDS + 1))
    t.equal(await world.listed(), REJECTIONS + 1)
    const replayed = await world.metric('process_read_back_replayed_records_total')
    t.equal(replayed, RECORDS + REJECTIONS, 'and an alarm can be made of it')
  })

  t.test('also when the processors were started anew with it, and no gateway sends anything', async (t) => {
    const world = await openWorld(t)
    await world.send(RECORDS)
    await world.reject(REJECTIONS)
    await until(async () => (await world.lag()) === 0)
    world.influx.child.kill('SIGKILL')
    await rm(join(world.disk.folder, 'influx', 'engine', 'wal'), { recursive: true })
    await world.influx.startAgain()
    await world.startAnew()
    await until(async () => (await world.rows()).length === RECORDS && (await world.listed()) === REJECTIONS)
    t.same(await world.rows(), count(RECORDS))
  })

  t.test('one whose disk was full is not believed until it was started anew', async (t) => {
    const world = await openWorld(t)
    await world.send(10)
    await until(async () => (await world.lag()) === 0)
    world.disk.fill()
    await world.send(RECORDS)
    await until(async () => (await world.metric('process_retries_total')) > 2)
    const waiting = await world.lag()
    t.ok(waiting > 0, 'what it did not take is not committed')
    world.disk.free()
    const before = await world.metric('process_retries_total')
    await until(async () => (await world.metric('process_retries_total')) > before + 1)
    t.equal(await world.lag(), waiting, 'nor when there is room again')

    world.influx.child.kill('SIGKILL')
    await setTimeout(2_000)
    await world.influx.startAgain()
    await until(async () => (await world.lag()) === 0)
    t.same(await world.rows(), count(RECORDS + 10), 'and then everything is there')
  })
})
