// Goal: a whole topic processed again, twice and in other batches, changes no point, whatever corrections, late and bad readings it holds.
// Method: the real step from the event log to each store, over a real file and a real server; everything that can be read is compared.
import { Registry } from 'prom-client'
import t from 'tap'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import { createProcessMetrics } from '../../stream-processors/metrics.ts'
import { createStoreReadings } from '../../stream-processors/store-readings.ts'
import { everything, never, openForTest, seriesImplementations } from '../contract/time-series/implementations.ts'
import { createRandom } from '../unit/sqlite-log/open-log.ts'
import { acme, message, NOW_MS } from './stream-processors/world.ts'

const RECORDS = 2_000
const SENSORS = 8
const METRICS = ['power_w', 'energy_wh', 'temperature_c']
const QUALITIES = [undefined, undefined, 'bad', 'uncertain']

/** Readings of few sensors at few times, so that many correct one another. */
function makeTopic(seed: number): readonly LogRecord[] {
  const random = createRandom(seed)
  const below = (end: number): number => Math.floor(random() * end)
  return Array.from({ length: RECORDS }, (_, offset) => {
    const quality = QUALITIES[below(QUALITIES.length)]
    const values = Object.fromEntries(METRICS.slice(below(2), 2 + below(2)).map((metric) => [metric, below(1_000) / 7]))
    const reading = { sensor: `s${below(SENSORS)}`, ts: NOW_MS - below(200) * 1_000, values, ...(quality && { quality }) }
    return { ...message([reading], { receivedMs: NOW_MS + offset }), partition: 0, offset, timestampMs: NOW_MS + offset }
  })
}

for (const implementation of seriesImplementations) {
  t.test(`${implementation.name}: a topic processed three times`, { skip: implementation.skip ?? false }, async (t) => {
    const seed = Date.now() % 2 ** 31
    t.comment(`seed ${seed}`)
    const topic = makeTopic(seed)
    const { writer, reader } = await openForTest(t, implementation)
    const appended: unknown[] = []
    const ports = {
      series: writer,
      sensors: { recordSensors: async () => undefined },
      eventLog: { append: async (records: readonly unknown[]) => void appended.push(...records), ping: async () => undefined },
    }
    const process = createStoreReadings(ports, createProcessMetrics(new Registry()))
    async function play(batch: number): Promise<void> {
      for (let at = 0; at < topic.length; at += batch) await process(topic.slice(at, at + batch), never)
    }
    async function dump() {
      const sensors = Array.from({ length: SENSORS }, (_, n) => `s${n}`)
      const rows = await Promise.all(sensors.map((sensor) => reader.range(acme, { ...everything, sensor }, never)))
      return { rows, latest: await reader.latest(acme, sensors, never) }
    }
    await play(100)
    const once = await dump()
    t.ok(once.rows.flat().length > 500, `${once.rows.flat().length} rows`)
    await play(700)
    t.strictSame(await dump(), once, 'a second time')
    await play(37)
    t.strictSame(await dump(), once, 'and a third')
    t.same(appended, [], 'and nothing was refused')
  })
}
