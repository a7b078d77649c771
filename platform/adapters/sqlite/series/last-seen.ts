import type { DatabaseSync } from 'node:sqlite'
import { asBytes, type Cell } from '../database.ts'
import { viewOf } from './row-data.ts'

/**
 * When each sensor was last heard of, whatever the time of its readings: 128 sensors a row, by id, as float64 little-endian.
 * A row for each sensor would double the cost of a batch that holds one reading of each of 10,000 sensors.
 */
const SENSORS_PER_CHUNK = 128
const TIME_BYTES = 8

const chunkOf = (sensorId: number): number => Math.floor(sensorId / SENSORS_PER_CHUNK)
const offsetOf = (sensorId: number): number => (sensorId % SENSORS_PER_CHUNK) * TIME_BYTES

interface Chunk {
  readonly bytes: Uint8Array
  readonly view: DataView
  isChanged: boolean
}

/** The writer's side. Nothing is written before `save`, which belongs into the transaction of the readings. */
export function createLastSeen(database: DatabaseSync) {
  const select = database.prepare('SELECT times FROM seen WHERE chunk = ?')
  const replace = database.prepare('INSERT INTO seen VALUES (?1, ?2) ON CONFLICT (chunk) DO UPDATE SET times = ?2')
  const chunks = new Map<number, Chunk>()
  const changed: number[] = []

  function load(number: number): Chunk {
    const row = select.get(number)
    const bytes = row ? asBytes(row.times) : new Uint8Array(SENSORS_PER_CHUNK * TIME_BYTES)
    const chunk = { bytes, view: viewOf(bytes), isChanged: false }
    chunks.set(number, chunk)
    return chunk
  }

  return {
    note(sensorId: number, receivedMs: number): void {
      const number = chunkOf(sensorId)
      const chunk = chunks.get(number) ?? load(number)
      if (chunk.view.getFloat64(offsetOf(sensorId), true) >= receivedMs) return
      chunk.view.setFloat64(offsetOf(sensorId), receivedMs, true)
      if (!chunk.isChanged) changed.push(number)
      chunk.isChanged = true
    },
    save(): void {
      for (const number of changed) {
        const chunk = chunks.get(number)
        if (chunk === undefined) continue
        replace.run(number, chunk.bytes)
        chunk.isChanged = false
      }
      changed.length = 0
    },
  }
}

/** The reader's side. */
export function createLastSeenReader(database: DatabaseSync): (sensorId: number) => number {
  const select = database.prepare('SELECT substr(times, ?2, 8) AS time FROM seen WHERE chunk = ?1')
  return (sensorId) => {
    const time: Cell | undefined = select.get(chunkOf(sensorId), offsetOf(sensorId) + 1)?.time
    return time === undefined ? 0 : viewOf(asBytes(time)).getFloat64(0, true)
  }
}
