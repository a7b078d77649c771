// Goal: a record batch that a disk has changed is never read as anything else, and stops its own partition alone; who reads it directly is told.
// Method: a real broker; one byte of one of its segments is changed underneath it.
import { mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { ensureKafkaTopics, openKafkaLog } from '../../platform/adapters/kafka/open.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { startKafka } from '../../scripts/services/kafka.ts'
import { needsService } from '../services.ts'

const log = createLogger({ level: 'silent', part: 'test', isPretty: false })
const PARTITIONS = 4
const KEYS = 8
const DAY_MS = 86_400_000
const WAIT_MS_MAX = 40_000
t.setTimeout(200_000)

t.test('a damaged record batch', { skip: needsService('kafka') }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-damaged-'))
  const kafka = await startKafka(folder)
  t.teardown(async () => {
    await kafka.stop()
    await rm(folder, { recursive: true, force: true })
  })
  const connection = { brokers: [kafka.brokers], clientId: 'test', topicPrefix: '' }
  await ensureKafkaTopics(connection, [{ name: 'orders', partitions: PARTITIONS, retentionMs: DAY_MS }], {
    replicationFactor: 1,
    log,
  })
  const events = await openKafkaLog({ ...connection, topics: ['orders'], lingerMs: 1, compression: 'none', log })
  t.teardown(() => events.close())
  const put = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n++)
      await events.append(
        Array.from({ length: KEYS }, (_, k) => ({
          topic: 'orders',
          key: `key-${k}`,
          value: Buffer.from(`${n}${'x'.repeat(200)}`),
        })),
      )
  }
  await put(0, 5)
  const damaged = await damageOne(join(folder, 'data'))

  const consumer = await events.join('readers', ['orders'])
  const stop = new AbortController()
  const seen = new Map<number, number>()
  const reading = (async () => {
    while (!stop.signal.aborted) {
      for (const { partition } of await consumer.poll({ recordsMax: 1_000, bytesMax: 1_000_000 }, stop.signal))
        seen.set(partition, (seen.get(partition) ?? 0) + 1)
      if (!stop.signal.aborted) await consumer.commit()
    }
  })()
  await put(5, 15)
  const held = await events.partitions('orders')
  const others = held.filter(({ partition }) => partition !== damaged)
  t.ok(others.some(({ nextOffset }) => nextOffset > 0))
  const deadlineMs = performance.now() + WAIT_MS_MAX
  while (!others.every(({ partition, nextOffset }) => (seen.get(partition) ?? 0) === nextOffset)) {
    if (performance.now() > deadlineMs) break
    await setTimeout(100)
  }
  stop.abort()
  await reading
  for (const { partition, nextOffset } of others)
    t.equal(seen.get(partition) ?? 0, nextOffset, `partition ${partition} is read to its end`)
  const whole = held.find(({ partition }) => partition === damaged)?.nextOffset ?? 0
  t.ok((seen.get(damaged) ?? 0) < whole, 'the damaged one is not')
  const lag = await events.lag('readers', 'orders')
  t.ok((lag.find(({ partition }) => partition === damaged)?.records ?? 0) > 0, 'and its lag says so')
  await t.rejects(events.read({ topic: 'orders', partition: damaged, offset: 0 }, { recordsMax: 10, bytesMax: 1_000_000 }), {
    code: 'event-log.unavailable',
    message: /can not be read/,
  })
})

/** Changes one byte of the first batch of one partition. @returns which. */
async function damageOne(folder: string): Promise<number> {
  for (const name of (await readdir(folder)).filter((one) => one.startsWith('orders-'))) {
    const path = join(folder, name, '00000000000000000000.log')
    const at = (await readFile(path)).indexOf('xxxxx')
    if (at < 0) continue
    const file = await open(path, 'r+')
    await file.write(Buffer.from('y'), 0, 1, at)
    await file.close()
    return Number(name.split('-')[1])
  }
  throw new Error('No partition holds anything.')
}
