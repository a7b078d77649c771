import {
  Consumer as Client,
  type Message,
  type MessagesStream,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
} from '@platformatic/kafka'
import { createRecordBuffer } from '../../platform/adapters/kafka/record-buffer.ts'
import type { Consumer, LogRecord, PollLimit, Position } from '../../platform/ports/event-log.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { notOwner } from '../../platform/runtime/ownership.ts'
import { untilWoken, wake } from '../../platform/runtime/wake.ts'
import { baseOf, groupIdOf, guarded, type PlatformaticOptions } from './platformatic-base.ts'

const FETCH_WAIT_MS = 250
const NOT_OWNER: ReadonlySet<string> = new Set(['ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID', 'REBALANCE_IN_PROGRESS'])

interface Polled {
  readonly generation: number
  readonly positions: readonly Position[]
}

/** What its stream hands over before the partitions were dealt out anew is dropped, as with kafkajs; it says of which generation a record is. */
export async function joinPlatformaticGroup(
  options: PlatformaticOptions,
  group: string,
  topics: readonly string[],
): Promise<Consumer> {
  const { topicPrefix: prefix } = options
  const client = new Client({
    ...baseOf(options),
    groupId: groupIdOf(prefix, group),
    sessionTimeout: 6_000,
    heartbeatInterval: 1_000,
    rebalanceTimeout: 10_000,
  })
  const buffer = createRecordBuffer(() => stream?.resume())
  const waiting = new Set<() => void>()
  let failure: Error | undefined
  let polled: Polled | undefined
  let stream: MessagesStream<Buffer, Buffer, Buffer, Buffer> | undefined
  client.on('consumer:group:join', () => {
    buffer.clear()
    // Where nothing is committed yet it would go on from where it was, and pass over what was read and not committed.
    stream?.offsetsToFetch.clear()
    // What it was paused for is gone.
    stream?.resume()
  })
  const opened = await guarded(() =>
    client.consume({
      topics: topics.map((topic) => prefix + topic),
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      autocommit: false,
      minBytes: 1,
      maxWaitTime: FETCH_WAIT_MS,
    }),
  )
  stream = opened
  opened.on('error', (error: Error) => {
    failure = error
    wake(waiting)
  })
  opened.on('data', (message: Message) => {
    if (generationOf(message) !== client.generationId) return
    if (buffer.add(message.topic.slice(prefix.length), message.partition, [toRecord(message, prefix)])) opened.pause()
    wake(waiting)
  })

  return {
    async poll(limit: PollLimit, signal: AbortSignal) {
      polled = undefined
      while (!signal.aborted) {
        if (failure !== undefined) throw new MillraceError('event-log.unavailable', failure.message, { cause: failure })
        const { records, positions } = buffer.take(limit)
        if (records.length > 0) {
          polled = { generation: client.generationId, positions }
          return records
        }
        await untilWoken(waiting, signal)
      }
      return []
    },
    async commit() {
      if (polled === undefined) return
      if (polled.generation !== client.generationId) throw notOwner()
      const offsets = polled.positions.map(({ topic, partition, offset }) => ({
        ...{ topic: prefix + topic, partition, offset: BigInt(offset), leaderEpoch: -1 },
      }))
      await client.commit({ offsets }).catch((error: unknown) => {
        throw isNotOwner(error) ? notOwner() : error
      })
      polled = undefined
    },
    ownership() {
      const { generationId } = client
      return {
        places: (client.assignments ?? []).flatMap(({ topic, partitions }) =>
          partitions.map((partition) => ({ topic: topic.slice(prefix.length), partition })),
        ),
        assertOwner() {
          if (client.generationId !== generationId) throw notOwner()
        },
      }
    },
    async close() {
      await opened.close()
      await client.close(true)
    },
  }
}

function generationOf({ metadata }: Message): unknown {
  const { consumer } = metadata
  return typeof consumer === 'object' && consumer !== null && 'generationId' in consumer ? consumer.generationId : undefined
}

/** Its stream forgets that the broker gave the time: this one is the producer's. */
const toRecord = ({ topic, partition, offset, timestamp, key, value }: Message, prefix: string): LogRecord => ({
  ...{ topic: topic.slice(prefix.length), partition, offset: Number(offset), timestampMs: Number(timestamp) },
  key: String(key),
  value,
})

function isNotOwner(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false
  if ('apiId' in error && typeof error.apiId === 'string' && NOT_OWNER.has(error.apiId)) return true
  const inner = 'errors' in error && Array.isArray(error.errors) ? error.errors : []
  return inner.some(isNotOwner) || ('cause' in error && isNotOwner(error.cause))
}
