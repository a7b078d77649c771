import { isGatewayId, isTenantId } from '../../../schemas/names.ts'
import type { RejectionEntry } from '../../ports/rejections.ts'
import { type InfluxClient, rejectedBucket } from './client.ts'
import { createLines } from './lines.ts'
import { sendInRequests } from './send-lines.ts'

/**
 * One point is one rejected record, with all its faults. Its place in `rejected.v1` makes it its own: `page` and the nanoseconds below
 * the millisecond are the offset, so that records of one millisecond don't replace each other and telling one twice changes nothing.
 */
export const OFFSETS_PER_PAGE = 1_000_000
export const FAULTS_FIELD = 'faults_'
/** InfluxDB takes strings of 64 KiB. */
const TEXT_BYTES_MAX = 60_000
/** Longer pointers and details are cut: the whole message is in the event log. */
const CHARACTERS_MAX = 512
const LINES_PER_REQUEST = 1_000

export type PackedFault = readonly [fault: number, reason: string, pointer: string, detail: string]

export interface RejectionCell {
  readonly client: Pick<InfluxClient, 'write' | 'query'>
  readonly bucket: string
}

/** @throws {MillraceError} `time-series.unavailable`. */
export async function writeRejections({ client, bucket }: RejectionCell, entries: readonly RejectionEntry[]): Promise<void> {
  const records = Map.groupBy(entries, ({ timeMs, partition, offset }) => `${timeMs}/${partition}/${offset}`)
  const lines = createLines()
  for (const told of records.values()) lines.add(toRejectionLine(once(told)), lines.count, told.length)
  await sendInRequests(client, lines, { bucket: rejectedBucket(bucket), precision: 'ns' }, { linesMax: LINES_PER_REQUEST })
  lines.free()
}

/** A batch may tell an entry twice. */
const once = (entries: readonly RejectionEntry[]): readonly RejectionEntry[] => [
  ...new Map(entries.map((entry) => [entry.fault, entry])).values(),
]

function toRejectionLine(faults: readonly RejectionEntry[]): string {
  const [first] = faults
  if (first === undefined || !isTenantId(first.tenant) || !isGatewayId(first.gateway))
    throw new TypeError('A record has a tenant, a gateway and a fault.')
  const { tenant, gateway, stage, partition, offset, timeMs } = first
  const page = Math.floor(offset / OFFSETS_PER_PAGE)
  const texts = packFaults(faults).map((text, part) => `${FAULTS_FIELD}${part}=${quoted(text)}`)
  const reasons = `|${[...new Set(faults.map(({ reason }) => reason))].join('|')}|`
  const fields = [`gateway=${quoted(gateway)}`, `stage=${quoted(stage)}`, `reasons=${quoted(reasons)}`, ...texts]
  const nanoseconds = BigInt(timeMs) * 1_000_000n + BigInt(offset % OFFSETS_PER_PAGE)
  return `rejection,page=${page},partition=${partition},tenant=${tenant} ${fields.join(',')} ${nanoseconds}`
}

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

/** Never leaves half of a surrogate pair at the end. */
const cut = (text: string): string => text.slice(0, CHARACTERS_MAX).toWellFormed()

/** JSON arrays, each short enough for one field. */
function packFaults(faults: readonly RejectionEntry[]): readonly string[] {
  const texts: string[] = []
  let pieces: string[] = []
  let bytes = 0
  for (const { fault, reason, pointer, detail } of faults) {
    const packed: PackedFault = [fault, reason, cut(pointer), cut(detail)]
    const piece = JSON.stringify(packed)
    if (bytes + Buffer.byteLength(piece) > TEXT_BYTES_MAX) {
      texts.push(`[${pieces.join(',')}]`)
      pieces = []
      bytes = 0
    }
    pieces.push(piece)
    bytes += Buffer.byteLength(piece) + 1
  }
  return [...texts, `[${pieces.join(',')}]`]
}
