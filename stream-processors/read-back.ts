import type { EventLogReader, LogRecord, Place, Position } from '../platform/ports/event-log.ts'
import type { ReadBack } from '../platform/ports/time-series.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { CellShare } from './cell-share.ts'
import type { Process } from './loop.ts'
import type { Held } from './until-owner.ts'
import type { Upkeep } from './upkeep-rounds.ts'

export interface ReadBackPorts {
  readonly eventLog: Pick<EventLogReader, 'read' | 'offsetsAt' | 'lag'>
  /** Of the processor. */
  readonly group: string
  readonly epoch: ReadBack['epoch']
  readonly share: CellShare
}

/** What of a processor's records is looked for in the store, and how it gets there again. */
export interface Restoring<Sample> {
  /** In plain words. */
  readonly what: string
  /** @returns undefined when the record holds nothing that could be looked for. */
  sampleOf(record: LogRecord): Sample | undefined
  /** Which of them the store doesn't hold, by their index. */
  missing(samples: readonly Sample[], signal: AbortSignal): Promise<readonly number[]>
  restore(records: readonly LogRecord[], signal: AbortSignal, untilOwner: () => Promise<void>): Promise<void>
}

export interface ReadBackSurroundings {
  readonly log: Logger
  readonly clock: () => number
  /** Told of records of which something was gone, once they are stored again. */
  readonly onReplayed: (records: number) => void
  /** How often the store is asked whether it was started anew; 10 s when left out. */
  readonly everyMs?: number
}

const EVERY_MS = 10_000
/** Older records are taken as read back before. */
const LOOK_BACK_MS = 24 * 3_600_000
const SAMPLES_AT_ONCE = 16
const ONE_RECORD = { recordsMax: 1, bytesMax: 1 }
/** Among which one of the cell's own is looked for. */
const SEVERAL_RECORDS = { recordsMax: 1_000, bytesMax: 1_048_576 }
const REPLAY_LIMIT = { recordsMax: 5_000, bytesMax: 4_194_304 }

/** A partition that is worked on. */
interface Work extends Held {
  readonly signal: AbortSignal
}

export interface ReadingBack {
  readonly process: Process
  /** For partitions whose next record of this cell may be long in coming. */
  readonly upkeep: Upkeep
}

/**
 * Before the first batch of a partition, and again whenever the store was started anew, looks whether the store still holds what the
 * records before that batch brought. What is gone is written again from the log, before anything newer: so the last value still wins.
 * A partition that no batch comes from is looked at all the same, one after the other.
 */
export function withReadBack<Sample>(
  process: Process,
  { eventLog, group, epoch: askEpoch, share }: ReadBackPorts,
  restoring: Restoring<Sample>,
  surroundings: ReadBackSurroundings,
): ReadingBack {
  const { log, clock, onReplayed, everyMs = EVERY_MS } = surroundings
  const checkedEpochs = new Map<string, string>()
  let epoch: string | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  let turn = 0

  async function currentEpoch(): Promise<string> {
    if (epoch === undefined || clock() - askedMs > everyMs) {
      epoch = await askEpoch()
      askedMs = clock()
    }
    return epoch
  }

  async function check(next: Position, work: Work): Promise<void> {
    const { topic, partition, offset: end } = next
    const floors = await eventLog.offsetsAt(topic, clock() - LOOK_BACK_MS)
    const floor = floors.find((position) => position.partition === partition)?.offset ?? 0
    const from = await findGap(next, floor, work.signal)
    if (from === undefined) return
    const { what } = restoring
    const about = { cell: share.name, topic, partition, fromOffset: from, toOffset: end }
    log.error(about, `The time-series store has lost ${what} that it had acknowledged. They are stored again from the event log.`)
    const records = await replay({ topic, partition, offset: from }, end, work)
    onReplayed(records)
    log.warn({ ...about, records }, 'What was lost is stored again. Look at the disk of the time-series store.')
  }

  /** @returns the first offset that must be written again; undefined when nothing is missing. */
  async function findGap(next: Position, floor: number, signal: AbortSignal): Promise<number | undefined> {
    let from: number | undefined
    for (const offsets of inGroups(sampleOffsets(next.offset, floor), SAMPLES_AT_ONCE)) {
      const samples = await Promise.all(offsets.map((offset) => sampleAt({ ...next, offset }, next.offset)))
      const found = samples.filter((sample) => sample !== undefined)
      const missing = new Set(
        await restoring.missing(
          found.map(({ sample }) => sample),
          signal,
        ),
      )
      for (const [index, { offset }] of found.entries()) {
        if (missing.has(index)) from = floor
        else if (from === floor) from = offset + 1
      }
    }
    return from
  }

  /** Of the cell's first record there; undefined when there is nothing that could be looked for. */
  async function sampleAt(
    position: Position,
    end: number,
  ): Promise<{ readonly offset: number; readonly sample: Sample } | undefined> {
    const limit = share.isAll ? ONE_RECORD : SEVERAL_RECORDS
    const page = await eventLog.read(position, limit)
    const [record] = await share.own(page.filter(({ offset }) => offset < end))
    const sample = record && restoring.sampleOf(record)
    return record && sample && { offset: record.offset, sample }
  }

  async function replay(from: Position, end: number, { untilOwner, signal }: Work): Promise<number> {
    let offset = from.offset
    let count = 0
    while (offset < end) {
      const page = await eventLog.read({ ...from, offset }, REPLAY_LIMIT)
      const records = page.filter((record) => record.offset < end)
      const last = records.at(-1)
      if (last === undefined) break
      const mine = await share.own(records)
      signal.throwIfAborted()
      await untilOwner()
      await restoring.restore(mine, signal, untilOwner)
      crashPoint('process.after-replay')
      count += mine.length
      offset = last.offset + 1
    }
    return count
  }

  async function checkOnce(next: Position, now: string, work: Work): Promise<void> {
    const key = keyOf(next)
    if (checkedEpochs.get(key) === now) return
    await check(next, work)
    await work.untilOwner()
    checkedEpochs.set(key, now)
  }

  return {
    async process(records, signal, { untilOwner }) {
      const now = await currentEpoch()
      for (const first of firstOfPartitions(records)) await checkOnce(first, now, { untilOwner, signal })
      await untilOwner()
      try {
        await process(records, signal, { untilOwner })
      } catch (error) {
        // It may have been started anew: then what it has lost is looked for before anything newer is stored.
        epoch = undefined
        throw error
      }
    },
    async upkeep({ places, untilOwner }, signal) {
      const now = await currentEpoch()
      const due = places.filter((place) => checkedEpochs.get(keyOf(place)) !== now)
      // Another one each time, so that one that can't be read hides no others.
      const place = due[turn++ % due.length]
      if (place === undefined) return false
      const lag = await eventLog.lag(group, place.topic)
      const committed = lag.find(({ partition }) => partition === place.partition)?.committed ?? 0
      await checkOnce({ ...place, offset: committed }, now, { untilOwner, signal })
      return due.length > 1
    },
  }
}

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`

/** From the newest backwards: the last few one by one, then ever fewer, but never more than an eighth of the way apart. */
function* sampleOffsets(end: number, floor: number): Generator<number> {
  for (let distance = 1; end - distance >= floor; distance += Math.max(1, distance >> 3)) yield end - distance
}

function* inGroups<T>(items: Iterable<T>, size: number): Generator<readonly T[]> {
  let group: T[] = []
  for (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

function firstOfPartitions(records: readonly LogRecord[]): readonly LogRecord[] {
  const first = new Map<string, LogRecord>()
  let last: LogRecord | undefined
  for (const record of records) {
    // Those of one partition mostly come in a row.
    if (record.partition !== last?.partition || record.topic !== last.topic) {
      const key = keyOf(record)
      if (!first.has(key)) first.set(key, record)
    }
    last = record
  }
  return [...first.values()]
}
