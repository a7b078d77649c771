import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { LogRecord, Place } from '../../ports/event-log.ts'

/** @param topic  As we call it, without its prefix. */
export function toRecord({ topic, partition }: Place, { offset, timestamp, key, value, headers }: KafkaMessage): LogRecord {
  const record = {
    topic,
    partition,
    offset: Number(offset),
    timestampMs: Number(timestamp),
    key: key?.toString('utf8') ?? '',
    value: value ?? new Uint8Array(),
  }
  const named = texts(headers)
  return named === undefined ? record : { ...record, headers: named }
}

/** @returns undefined when there are none. */
function texts(headers: IHeaders | undefined): Record<string, string> | undefined {
  let named: Record<string, string> | undefined
  for (const name in headers) {
    const value = headers[name]
    named ??= {}
    named[name] = String(Array.isArray(value) ? value[0] : value)
  }
  return named
}
