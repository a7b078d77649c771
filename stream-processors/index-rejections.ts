import type { LogRecord } from '../platform/ports/event-log.ts'
import type { RejectionEntry, RejectionWriter } from '../platform/ports/rejections.ts'
import { crashPoint } from '../platform/runtime/crash-points.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { compile } from '../schemas/compile.ts'
import { type Fault, faultsSchema, REJECTION_HEADERS } from '../schemas/rejection.ts'
import { isNobodysKey, parseLogKey } from '../schemas/topics.ts'
import type { Process } from './loop.ts'

const isFaults = compile<readonly Fault[]>(faultsSchema)

/** From `rejected.v1` to the index that shows a tenant what was refused, and why. */
export function createIndexRejections(rejections: RejectionWriter, log: Logger): Process {
  return async (records) => {
    const entries = records.flatMap((record) => {
      if (isNobodysKey(record.key)) return []
      const found = toEntries(record)
      // It stays in the log with all its bytes; only nobody can be shown whose it is.
      if (found.length === 0)
        log.error({ partition: record.partition, offset: record.offset }, 'A rejected record can not be read.')
      return found
    })
    if (entries.length > 0) await rejections.index(entries)
    crashPoint('rejections.after-index')
  }
}

export function toEntries(record: LogRecord): readonly RejectionEntry[] {
  const from = parseLogKey(record.key)
  const headers = record.headers ?? {}
  const faults = parseFaults(headers[REJECTION_HEADERS.faults])
  if (from === undefined || faults === undefined) return []
  const receivedMs = Number(headers[REJECTION_HEADERS.receivedMs])
  return faults.map(({ reason, pointer, detail }, fault) => ({
    tenant: from.tenant,
    gateway: from.gateway,
    timeMs: Number.isSafeInteger(receivedMs) ? receivedMs : record.timestampMs,
    stage: headers[REJECTION_HEADERS.stage] === 'store' ? 'store' : 'ingest',
    reason,
    pointer,
    detail,
    partition: record.partition,
    offset: record.offset,
    fault,
  }))
}

function parseFaults(text: string | undefined): readonly Fault[] | undefined {
  try {
    const faults: unknown = JSON.parse(text ?? '')
    return isFaults(faults) ? faults : undefined
  } catch {
    return undefined
  }
}
