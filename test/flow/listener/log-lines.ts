import { pino } from 'pino'
import type { Logger } from '../../../platform/runtime/log.ts'

export interface LogLine {
  readonly level: number
  readonly msg: string
  readonly reason?: string
  readonly code?: string
  readonly [field: string]: unknown
}

/** A logger whose lines can be read. */
export function createReadableLog(): { readonly log: Logger; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const log = pino({ level: 'debug' }, { write: (text: string) => void lines.push(JSON.parse(text)) })
  return { log, lines }
}
