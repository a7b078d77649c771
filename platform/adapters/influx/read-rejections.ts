import { STAGES } from '../../../schemas/rejection.ts'
import type { RejectionEntry, RejectionKey, RejectionQuery } from '../../ports/rejections.ts'
import type { TenantScope } from '../../ports/tenant-scope.ts'
import { type InfluxClient, type Row, rejectedBucket } from './client.ts'
import { type Flux, flux, instant } from './flux.ts'
import { FAULTS_FIELD, OFFSETS_PER_PAGE, type PackedFault } from './write-rejections.ts'

export interface RejectionSource {
  readonly client: Pick<InfluxClient, 'query'>
  readonly bucket: string
}

/** Past it a record's faults would not have been acknowledged: a message has at most 5,000 readings. */
const FAULT_FIELDS_MAX = 200

/** Newest first: by time, partition, offset and fault. */
export async function readRejections(
  { client, bucket }: RejectionSource,
  scope: TenantScope,
  { fromMs, toMs, gateway, reason, limit, after }: RejectionQuery,
  signal: AbortSignal,
): Promise<readonly RejectionEntry[]> {
  const stopMs = Math.min(toMs, after === undefined ? toMs : after.timeMs + 1)
  if (fromMs >= stopMs) return []
  const ofGateway = gateway === undefined ? flux`` : flux` |> filter(fn: (r) => r.gateway == ${gateway})`
  const forReason =
    reason === undefined ? flux`` : flux` |> filter(fn: (r) => strings.containsStr(v: r.reasons, substr: ${`|${reason}|`}))`
  // The record at `after` itself may have more faults behind that one.
  const behind = after === undefined || after.timeMs >= toMs ? flux`` : flux` |> filter(fn: (r) => ${isAtOrBehind(after)})`
  const query = flux`import "strings"
    from(bucket: ${rejectedBucket(bucket)}) |> range(start: ${instant(fromMs)}, stop: ${instant(stopMs)})
    |> filter(fn: (r) => r._measurement == "rejection" and r.tenant == ${scope.tenant})
    |> pivot(rowKey: ["_time", "partition", "page"], columnKey: ["_field"], valueColumn: "_value") |> group()${ofGateway}${forReason}
    |> map(fn: (r) => ({r with ms: int(v: r._time) / 1000000, part: int(v: r.partition),
        offset: int(v: r.page) * ${OFFSETS_PER_PAGE} + int(v: r._time) % 1000000}))${behind}
    |> sort(columns: ["ms", "part", "offset"], desc: true) |> limit(n: ${limit + 1})`
  const entries: RejectionEntry[] = []
  await client.query(query, (row) => entries.push(...toEntries(scope.tenant, row)), signal)
  const isWanted = (entry: RejectionEntry): boolean =>
    (reason === undefined || entry.reason === reason) && (after === undefined || compare(entry, after) < 0)
  return entries.filter(isWanted).slice(0, limit)
}

export async function readRejection(
  source: RejectionSource,
  scope: TenantScope,
  key: RejectionKey,
  signal: AbortSignal,
): Promise<RejectionEntry | undefined> {
  const after = { ...key, fault: key.fault + 1 }
  const query = { fromMs: key.timeMs, toMs: key.timeMs + 1, limit: 1, after }
  const [found] = await readRejections(source, scope, query, signal)
  return found !== undefined && compare(found, key) === 0 ? found : undefined
}

function isAtOrBehind({ timeMs, partition, offset }: RejectionKey): Flux {
  return flux`r.ms < ${timeMs} or (r.ms == ${timeMs} and (r.part < ${partition} or (r.part == ${partition} and r.offset <= ${offset})))`
}

function compare(left: RejectionKey, right: RejectionKey): number {
  return left.timeMs - right.timeMs || left.partition - right.partition || left.offset - right.offset || left.fault - right.fault
}

function toEntries(tenant: string, row: Row): readonly RejectionEntry[] {
  const faults: PackedFault[] = []
  for (let part = 0; part < FAULT_FIELDS_MAX; part++) {
    const text = row(`${FAULTS_FIELD}${part}`)
    if (text === '') break
    const packed: readonly PackedFault[] = JSON.parse(text)
    faults.push(...packed)
  }
  const place = { timeMs: Number(row('ms')), partition: Number(row('part')), offset: Number(row('offset')) }
  const stage = STAGES.find((known) => known === row('stage')) ?? 'ingest'
  const gateway = row('gateway')
  return faults
    .sort(([left], [right]) => right - left)
    .map(([fault, reason, pointer, detail]) => ({ ...place, tenant, gateway, stage, reason, pointer, detail, fault }))
}
