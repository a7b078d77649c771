import { askInflux } from '../../test/contract/influx/ask-influx.ts'
import type { WhichAreThere } from '../probe.ts'

export interface FieldPlace {
  readonly influx: { readonly url: string; readonly org: string; readonly token: string }
  readonly bucket: string
  readonly field: string
}

const HOUR_MS = 3_600_000

/** Values of the field in an hour, over all sensors. */
export async function countField(place: FieldPlace, fromMs: number): Promise<number> {
  const [line] = await rows(place, { fromMs, toMs: fromMs + HOUR_MS }, '|> count() |> group() |> sum()')
  return Number(line?.split(',')[3] ?? 0)
}

/** Times of the values that are there, epoch milliseconds. */
export async function findTimes(
  place: FieldPlace,
  { sensor, ...span }: Parameters<WhichAreThere>[0],
): Promise<readonly number[]> {
  const lines = await rows(place, span, `|> filter(fn: (r) => r.sensor == "${sensor}") |> group() |> keep(columns: ["_time"])`)
  return lines.map((line) => Date.parse(line.split(',')[3] ?? ''))
}

/** Lines of the answer, without the one that names the columns. */
async function rows(
  { influx, bucket, field }: FieldPlace,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  rest: string,
): Promise<readonly string[]> {
  const query = `from(bucket: "${bucket}") |> range(start: ${new Date(fromMs).toISOString()}, stop: ${new Date(toMs).toISOString()})
    |> filter(fn: (r) => r._measurement == "reading" and r._field == "${field}") ${rest}`
  return (await askInflux(influx, query)).trim().split(/\r?\n/).slice(1)
}
