import type { RejectionEntry } from '../../ports/rejections.ts'
import type { Point } from '../../ports/time-series.ts'
import { type InfluxClient, rejectedBucket } from './client.ts'
import { fieldOf } from './fields.ts'
import { type Flux, flux, instant, unionOf } from './flux.ts'
import { OFFSETS_PER_PAGE } from './write-rejections.ts'

interface Source {
  readonly client: Pick<InfluxClient, 'query'>
  readonly bucket: string
}

/** Which of the points have no value of their first metric in the store, by index. */
export async function findMissing(
  { client, bucket }: Source,
  points: readonly { readonly point: Point; readonly index: number }[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const wanted = points.filter(({ point }) => point.values.size > 0)
  const found = await findAll(
    client,
    wanted.map(({ point }) => whereIs(point)),
    signal,
  )
  return wanted.filter((_, position) => !found.has(position)).map(({ index }) => index)

  function whereIs({ tenant, sensor, timestampMs, values }: Point): Flux {
    const [metric = ''] = values.keys()
    return flux`from(bucket: ${bucket}) |> range(start: ${instant(timestampMs)}, stop: ${instant(timestampMs + 1)})
      |> filter(fn: (r) => r._measurement == "reading" and r.tenant == ${tenant} and r.sensor == ${sensor} and r._field == ${fieldOf(metric)})`
  }
}

/** Which of the rejections are not in the index, by index. */
export async function findMissingRejections(
  { client, bucket }: Source,
  entries: readonly RejectionEntry[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const found = await findAll(client, entries.map(whereIs), signal)
  return [...entries.keys()].filter((index) => !found.has(index))

  function whereIs({ tenant, timeMs, partition, offset }: RejectionEntry): Flux {
    const page = String(Math.floor(offset / OFFSETS_PER_PAGE))
    return flux`from(bucket: ${rejectedBucket(bucket)}) |> range(start: ${instant(timeMs)}, stop: ${instant(timeMs + 1)})
      |> filter(fn: (r) => r._measurement == "rejection" and r.tenant == ${tenant} and r.partition == ${String(partition)} and r.page == ${page}
        and r._field == "stage" and int(v: r._time) % 1000000 == ${offset % OFFSETS_PER_PAGE})`
  }
}

/** Asks for all of them at once, which costs the server a quarter of asking for each. @returns the indexes of those that have a row. */
async function findAll(client: Source['client'], places: readonly Flux[], signal: AbortSignal): Promise<ReadonlySet<number>> {
  const found = new Set<number>()
  if (places.length === 0) return found
  const marked = places.map(
    (place, index) => flux`${place} |> keep(columns: ["_time"]) |> set(key: "place", value: ${String(index)})`,
  )
  await client.query(unionOf(marked), (row) => void found.add(Number(row('place') || Number.NaN)), signal)
  return found
}
