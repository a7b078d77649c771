import type { Point } from '../../ports/time-series.ts'
import type { InfluxClient } from './client.ts'
import { fieldOf } from './fields.ts'
import { flux, instant } from './flux.ts'

/** Which of the points have no value of their first metric in the store, by index. */
export async function findMissing(
  { client, bucket }: { readonly client: Pick<InfluxClient, 'query'>; readonly bucket: string },
  points: readonly { readonly point: Point; readonly index: number }[],
  signal: AbortSignal,
): Promise<readonly number[]> {
  const found = await Promise.all(points.map(({ point }) => isThere(point)))
  return points.filter((_, position) => !found[position]).map(({ index }) => index)

  async function isThere({ tenant, sensor, timestampMs, values }: Point): Promise<boolean> {
    const [metric] = values.keys()
    if (metric === undefined) return true
    let isFound = false
    const query = flux`from(bucket: ${bucket}) |> range(start: ${instant(timestampMs)}, stop: ${instant(timestampMs + 1)})
      |> filter(fn: (r) => r._measurement == "reading" and r.tenant == ${tenant} and r.sensor == ${sensor} and r._field == ${fieldOf(metric)})`
    const onRow = (): void => {
      isFound = true
    }
    await client.query(query, onRow, signal)
    return isFound
  }
}
