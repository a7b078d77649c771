import { type Logger as PinoLogger, pino } from 'pino'
import { PinoPretty } from 'pino-pretty'

export type Logger = Pick<PinoLogger, 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** Which part writes, e.g. `ingest`. */
  readonly part: string
  /** Coloured lines for a person; otherwise one JSON object a line. */
  readonly isPretty: boolean
}

/**
 * Logs go to standard error: standard output belongs to what a command was asked for.
 * Writing is synchronous, so that the last lines before a crash are there and a worker thread needs no help to write its own.
 */
export function createLogger({ level, part, isPretty }: LogOptions): Logger {
  const base = { level, base: { part }, timestamp: pino.stdTimeFunctions.isoTime }
  if (!isPretty) return pino(base, pino.destination({ dest: 2, sync: true }))
  return pino(
    base,
    PinoPretty({
      destination: 2,
      sync: true,
      colorize: true,
      translateTime: 'SYS:HH:MM:ss',
      ignore: 'part,pid,hostname',
      messageFormat: '{part}: {msg}',
    }),
  )
}
