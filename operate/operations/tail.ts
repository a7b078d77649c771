import { setTimeout as delay } from 'node:timers/promises'
import type { FromSchema } from 'json-schema-to-ts'
import type { LogRecord, Position } from '../../platform/ports/event-log.ts'
import { SENSOR_PATTERN, SENSOR_RULE } from '../../schemas/names.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'
import { createParameterReader, type LogView, type OperationPorts } from './operation.ts'
import { gatewayParameter, tenantParameter } from './parameters.ts'
import { entriesOf, ownerOf, type TailEntry } from './tail-entry.ts'

/** How often the end of the log is looked at while nothing comes. */
const POLL_EVERY_MS = 200
/** What one look takes from each partition, so that a long history flows through in small pieces. */
const LOOK = { recordsMax: 200, bytesMax: 1_048_576 } as const
const ENTRIES_MAX = 1_000_000_000

export const tailParametersSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['topic'],
  properties: {
    topic: { type: 'string', enum: ['readings', 'rejected'], description: 'readings or rejected' },
    tenant: tenantParameter,
    gateway: gatewayParameter,
    sensor: { type: 'string', pattern: SENSOR_PATTERN, description: SENSOR_RULE },
    fromMs: { type: 'integer', minimum: 0, description: 'a time in epoch milliseconds' },
    limit: { type: 'integer', minimum: 1, maximum: ENTRIES_MAX, description: 'a whole number from 1' },
    isFollowing: { type: 'boolean', description: 'true or false' },
  },
} as const

export type TailParameters = FromSchema<typeof tailParametersSchema>
export const readTailParameters = createParameterReader<TailParameters>(tailParametersSchema)

/**
 * Entries in the order in which the log took them (exact within a gateway), from `fromMs` on or, without it, from now on.
 * Ends after `limit` entries, when `signal` fires, or, without `isFollowing`, at what was the end of the log when it began.
 *
 * @throws {MillraceError} `event-log.unavailable`.
 */
export async function* tail(ports: OperationPorts, parameters: TailParameters, signal: AbortSignal): AsyncGenerator<TailEntry> {
  const { isFollowing = true, limit = ENTRIES_MAX } = parameters
  const isWanted = createFilter(parameters)
  const topic = parameters.topic === 'readings' ? READINGS_TOPIC : REJECTED_TOPIC
  const ends = (await ports.log.partitions(topic)).map(({ partition, nextOffset }) => ({ topic, partition, offset: nextOffset }))
  let positions: readonly Position[] =
    parameters.fromMs === undefined ? ends : await ports.log.offsetsAt(topic, parameters.fromMs)
  let count = 0

  while (!signal.aborted) {
    const looked = await look(ports.log, isFollowing ? positions : behind(positions, ends))
    positions = advance(positions, looked)
    for (const record of looked.toSorted((a, b) => a.timestampMs - b.timestampMs)) {
      if (!isFollowing && record.offset >= endOf(ends, record.partition)) continue
      for (const entry of isWanted.record(record) ? entriesOf(record) : []) {
        if (signal.aborted) return
        if (!isWanted.entry(entry)) continue
        yield entry
        count += 1
        if (count >= limit) return
      }
    }
    if (looked.length > 0) continue
    if (!isFollowing) return
    await delay(POLL_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function look(log: LogView, positions: readonly Position[]): Promise<readonly LogRecord[]> {
  const found = await Promise.all(positions.map((position) => log.read(position, LOOK)))
  return found.flat()
}

const endOf = (ends: readonly Position[], partition: number): number =>
  ends.find((end) => end.partition === partition)?.offset ?? 0

const behind = (positions: readonly Position[], ends: readonly Position[]): readonly Position[] =>
  positions.filter(({ partition, offset }) => offset < endOf(ends, partition))

function advance(positions: readonly Position[], records: readonly LogRecord[]): readonly Position[] {
  const next = new Map(positions.map(({ partition, offset }) => [partition, offset]))
  for (const { partition, offset } of records) next.set(partition, Math.max(next.get(partition) ?? 0, offset + 1))
  return positions.map((position) => ({ ...position, offset: next.get(position.partition) ?? position.offset }))
}

/** Most records are told apart by their key, before anything is parsed. */
function createFilter({ tenant, gateway, sensor }: TailParameters) {
  return {
    record({ key }: LogRecord): boolean {
      const name = ownerOf(key)
      return name !== undefined && (tenant ?? name.tenant) === name.tenant && (gateway ?? name.gateway) === name.gateway
    },
    entry(entry: TailEntry): boolean {
      return sensor === undefined || (entry.topic === 'readings' && entry.sensor === sensor)
    },
  }
}
