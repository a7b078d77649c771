import type { RejectionEntry } from '../../ports/rejections.ts'
import type { Point } from '../../ports/time-series.ts'
import { type InfluxClient, rejectedBucket } from './client.ts'
import { fieldOf } from './fields.ts'
import { type Flux, flux, instant } from './flux.ts'
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
  const found = await Promise.all(points.map(({ point }) => isThere(point)))
  return points.filter((_, position) => !found[position]).map(({ index }) => index)

  async function isThere({ tenant, sensor, timestampMs, values }: Point): Promise<boolean> {
    const [metric] = values.keys()
    if (metric === undefined) return true
    const query = flux`from(bucket: ${bucket}) |> range(start: ${instant(timestampMs)}, stop: ${instant(timestampMs + 1)})
      |> filter(fn: (r) => r._measurement == "reading" and r.tenant == ${tenant} and r.sensor == ${sensor} and r._field == ${fieldOf(metric)})`
    return hasRows(client, query, signal)
  }
}

/** Which of the rejections are not in the index, by index. */
export async function findMissingRejections(
  { client, bucket }: Source,
  entries: readonly RejectionEntry[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const found = await Promise.all(entries.map(isThere))
  return [...found.keys()].filter((index) => !found[index])

  function isThere({ tenant, timeMs, partition, offset }: RejectionEntry): Promise<boolean> {
    const page = String(Math.floor(offset / OFFSETS_PER_PAGE))
    const query = flux`from(bucket: ${rejectedBucket(bucket)}) |> range(start: ${instant(timeMs)}, stop: ${instant(timeMs + 1)})
      |> filter(fn: (r) => r._measurement == "rejection" and r.tenant == ${tenant} and r.partition == ${String(partition)} and r.page == ${page}
        and r._field == "stage" and int(v: r._time) % 1000000 == ${offset % OFFSETS_PER_PAGE})`
    return hasRows(client, query, signal)
  }
}

async function hasRows(client: Source['client'], query: Flux, signal: AbortSignal): Promise<boolean> {
  let isFound = false
  const onRow = (): void => {
    isFound = true
  }
  await client.query(query, onRow, signal)
  return isFound
}
