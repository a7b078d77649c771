/**
 * The event log: what has been accepted, durable and in order. SQLite when embedded, Kafka at scale.
 *
 * A record belongs to a topic and, by the hash of its key, to one of the topic's partitions. Records of one key are read in
 * the order in which they were appended. Offsets count up from 0 within a partition, without repeating; they may leave gaps.
 */
export interface NewRecord {
  readonly topic: string
  /** Decides the partition. `tenant/gateway` everywhere in Millrace. */
  readonly key: string
  readonly value: Uint8Array
  /** Only where the rate doesn't matter: headers halve the rate of kafkajs. */
  readonly headers?: Readonly<Record<string, string>>
}

/** What a record takes, about: bytes of its value, and characters of its headers, which may be far more. Every limit in bytes counts this. */
export function sizeOf({ value, headers }: NewRecord): number {
  let size = value.length
  for (const name in headers) size += headers[name]?.length ?? 0
  return size
}

export function sizeOfAll(records: readonly NewRecord[]): number {
  let size = 0
  for (const record of records) size += sizeOf(record)
  return size
}

export interface LogRecord extends NewRecord {
  readonly partition: number
  readonly offset: number
  /** When the log took it, epoch milliseconds. */
  readonly timestampMs: number
}

/** One partition of the log. */
export interface Place {
  readonly topic: string
  readonly partition: number
}

/** One record's place in it. */
export interface Position extends Place {
  readonly offset: number
}

export interface EventLogWriter {
  /**
   * Appends records in order, and resolves only when all of them would survive a power cut. When it rejects, some of them may be there
   * all the same; on SQLite it is all or none.
   * Calls are made durable in the order in which they were made; many share one flush.
   *
   * @throws {MillraceError} `event-log.unavailable` - assume nothing, acknowledge nothing.
   */
  append(records: readonly NewRecord[]): Promise<void>
  /** Resolves when a record appended now would become durable: it makes something durable. @throws {MillraceError} `event-log.unavailable`. */
  ping(): Promise<void>
}

export interface PollLimit {
  readonly recordsMax: number
  /** Sum of `sizeOf`; at least one record is returned whatever its size. */
  readonly bytesMax: number
}

/** Partitions that were dealt out to a consumer. Each time that they are, there is another one, also where the same are in it. */
export interface Ownership {
  readonly places: readonly Place[]
  /**
   * To be asked right before what was read of them is stored: somebody else may have stored newer values by now.
   *
   * @throws {MillraceError} `event-log.not-owner` - they were dealt out anew; `event-log.unavailable` - the log has been silent for so long that they may
   * have been: ask again.
   */
  assertOwner(): void
}

export interface Consumer {
  /**
   * Next records of the partitions this consumer owns, in offset order within each partition; waits until there are any, and need not
   * return all that there are.
   * Starts at the committed offset, and goes on from there until another poll: a record is not returned twice, unless
   * its partition was given to another consumer and came back.
   *
   * @returns an empty array only when `signal` has fired.
   * @throws {MillraceError} `event-log.unavailable`.
   */
  poll(limit: PollLimit, signal: AbortSignal): Promise<readonly LogRecord[]>
  /**
   * Commits every record that the last `poll` returned: after a restart the group goes on behind them.
   * Call it only after the sink has acknowledged. Offsets never go back.
   *
   * @throws {MillraceError} `event-log.not-owner` - a partition was given to another consumer of the group; it will be read again there.
   */
  commit(): Promise<void>
  /** What is its own, as far as it knows; it may know of nothing before its first poll, and while partitions are dealt out. Asked right behind a poll: of what that returned. */
  ownership(): Ownership
  /** Leaves the group; the others take over its partitions. Uncommitted records are delivered again. */
  close(): Promise<void>
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
  /** First offset still held. */
  readonly firstOffset: number
  /** The offset that the next record gets. */
  readonly nextOffset: number
}

export interface Lag {
  readonly topic: string
  readonly partition: number
  readonly committed: number
  readonly records: number
  /** Records that retention took before they were committed: they reach no sink any more. Always 0 where the log waits for its groups. */
  readonly expired: number
}

export interface EventLogReader {
  /** @throws {MillraceError} `event-log.unavailable`. */
  partitions(topic: string): Promise<readonly TopicPartition[]>
  /**
   * Records of one partition from `from.offset` on, oldest first, without any group. Offsets that retention has taken are skipped.
   * @returns an empty array when there is nothing (yet) at or behind `from`.
   */
  read(from: Position, limit: PollLimit): Promise<readonly LogRecord[]>
  /** The first offset of each partition whose record was appended at or after `timeMs` (`nextOffset` where there is none). */
  offsetsAt(topic: string, timeMs: number): Promise<readonly Position[]>
  lag(group: string, topic: string): Promise<readonly Lag[]>
}

/** A consumer group that there is, or will be. */
export interface GroupPlan {
  readonly group: string
  readonly topics: readonly string[]
  /** Groups of the same topics. A new group begins where the first of these is that has a place; with the oldest record when none has. */
  readonly like: readonly string[]
}

/** Everything that the event log can do. */
export interface EventLog extends EventLogWriter, EventLogReader {
  /**
   * Gives each group that is new its place in the log; one that has a place keeps it. To be called before any of them is joined, with all groups
   * that there are: where the log keeps records until every group has committed them, others are forgotten, because one that
   * no longer exists would make it keep everything for ever.
   *
   * @throws {MillraceError} `event-log.unavailable`.
   */
  prepareGroups(plans: readonly GroupPlan[]): Promise<void>
  /** Joins a group. Partitions of the topics are shared among the group's consumers; each partition has one owner at a time. */
  join(group: string, topics: readonly string[]): Promise<Consumer>
}
