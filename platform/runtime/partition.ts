/** Keys come from enrolled gateways, so few; the bound is for everything else. */
const KEYS_CACHED_MAX = 100_000

/** FNV-1a, 32 bits: the same key always goes to the same partition, in every process. */
export function partitionOf(key: string, partitions: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % partitions
}

/** As `partitionOf` for several topics, without working out the hash of a key each time. */
export function createPartitioner(partitionCounts: ReadonlyMap<string, number>): (topic: string, key: string) => number {
  const hashByKey = new Map<string, number>()

  return (topic, key) => {
    const count = partitionCounts.get(topic) ?? 1
    if (count === 1) return 0
    let hash = hashByKey.get(key)
    if (hash === undefined) {
      if (hashByKey.size >= KEYS_CACHED_MAX) hashByKey.clear()
      hash = partitionOf(key, Number.MAX_SAFE_INTEGER)
      hashByKey.set(key, hash)
    }
    return hash % count
  }
}

export interface PartitionRecords<R> {
  readonly topic: string
  readonly partition: number
  readonly records: readonly R[]
}

/** In the order of `records` within each partition. */
export function groupByPartition<R extends { readonly topic: string; readonly key: string }>(
  records: readonly R[],
  partitionFor: (topic: string, key: string) => number,
): readonly PartitionRecords<R>[] {
  const groups = new Map<string, Map<number, R[]>>()
  for (const record of records) {
    const byPartition = groups.get(record.topic) ?? new Map<number, R[]>()
    groups.set(record.topic, byPartition)
    const partition = partitionFor(record.topic, record.key)
    const list = byPartition.get(partition)
    if (list) list.push(record)
    else byPartition.set(partition, [record])
  }
  return [...groups].flatMap(([topic, byPartition]) =>
    [...byPartition].map(([partition, list]) => ({ topic, partition, records: list })),
  )
}
