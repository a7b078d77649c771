// Goal: a whole topic processed again, twice and in other batches, changes no point, whatever corrections, late and bad readings it holds.
// Method: a real log and each store, a file or a server; the processors go through the topic as three consumer groups, one after the other; everything
// that can be read is compared.
import { Registry } from 'prom-client'
import t from 'tap'
import type { NewRecord } from '../../platform/ports/event-log.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'
import { WHOLE_STORE } from '../../stream-processors/cell-share.ts'
import { consumerGroup } from '../../stream-processors/consumer-groups.ts'
import { createProcessMetrics } from '../../stream-processors/metrics.ts'
import { startProcessors } from '../../stream-processors/service.ts'
import { logImplementations } from '../contract/event-log/implementations.ts'
import { everything, never, openForTest, seriesImplementations } from '../contract/time-series/implementations.ts'
import { quiet } from '../contract/time-series/influx.ts'
import { createRandom, DAY_MS, readAll, until } from '../unit/sqlite-log/open-log.ts'
import { acme, defaultConfig, message, NOW_MS } from './stream-processors/world.ts'

t.setTimeout(120_000)
const RECORDS = 2_000
const SENSORS = 8
const METRICS = ['power_w', 'energy_wh', 'temperature_c']
const QUALITIES = [undefined, undefined, 'bad', 'uncertain']

/** Readings of few sensors at few times, so that many correct one another. */
function makeTopic(seed: number): readonly NewRecord[] {
  const random = createRandom(seed)
  const below = (end: number): number => Math.floor(random() * end)
  return Array.from({ length: RECORDS }, (_, offset) => {
    const quality = QUALITIES[below(QUALITIES.length)]
    const values = Object.fromEntries(METRICS.slice(below(2), 2 + below(2)).map((metric) => [metric, below(1_000) / 7]))
    const reading = { sensor: `s${below(SENSORS)}`, ts: NOW_MS - below(200) * 1_000, values, ...(quality && { quality }) }
    return message([reading], { receivedMs: NOW_MS + offset })
  })
}

/** A group reads the topic from its beginning: so replays are groups of their own. */
const REPLAYS = [
  { group: 'main', batch: 100 },
  { group: 'second', batch: 700 },
  { group: 'third', batch: 37 },
]
const topics = [READINGS_TOPIC, REJECTED_TOPIC].map((name) => ({ name, partitions: 2, retentionMs: DAY_MS }))
const onKafka = logImplementations.find(({ name }) => name === 'Kafka')
const onSqlite = logImplementations[0]

for (const series of seriesImplementations) {
  const log = series.name === 'InfluxDB' ? onKafka : onSqlite
  const skip = series.skip || log?.skip || false
  t.test(`${log?.name} to ${series.name}: a topic processed three times`, { skip }, async (t) => {
    const seed = Date.now() % 2 ** 31
    t.comment(`seed ${seed}`)
    const { writer, reader } = await openForTest(t, series)
    const opened = await log?.open(t.testdir({ log: {} }), topics)
    if (opened === undefined) throw new Error('There is always a log.')
    const { log: eventLog, close } = opened
    t.teardown(close)
    await eventLog.append(makeTopic(seed))

    async function play(group: string, batch: number): Promise<void> {
      const share = { ...WHOLE_STORE, name: group }
      const ports = { eventLog, series: writer, rejections: writer, sensors: { recordSensors: async () => undefined }, share }
      const running = await startProcessors(ports, {
        config: defaultConfig({ MILLRACE_PROCESS_BATCH_RECORDS_MAX: batch }),
        log: quiet,
        metrics: createProcessMetrics(new Registry()),
        onDeath: (error) => t.fail('a processor ended by itself', { error }),
      })
      const lags = async () => eventLog.lag(consumerGroup('store', group), READINGS_TOPIC)
      await until(async () => (await lags()).every(({ records }) => records === 0))
      await running.stop()
    }
    async function dump() {
      const sensors = Array.from({ length: SENSORS }, (_, n) => `s${n}`)
      const rows = await Promise.all(sensors.map((sensor) => reader.range(acme, { ...everything, sensor }, never)))
      return { rows, latest: await reader.latest(acme, sensors, never) }
    }
    let once: Awaited<ReturnType<typeof dump>> | undefined
    for (const { group, batch } of REPLAYS) {
      await play(group, batch)
      once ??= await dump()
      t.strictSame(await dump(), once, `${batch} records at once`)
    }
    t.ok((once?.rows.flat().length ?? 0) > 500, `${once?.rows.flat().length} rows`)
    t.same(await readAll(eventLog, REJECTED_TOPIC), [], 'and nothing was refused')
  })
}
