import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { LogRecord } from '../../ports/event-log.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
}

/** @param topic  As we call it, without its prefix. */
export function toRecord({ topic, partition }: Place, { offset, timestamp, key, value, headers }: KafkaMessage): LogRecord {
  const named = headers === undefined ? {} : texts(headers)
  return {
    topic,
    partition,
    offset: Number(offset),
    timestampMs: Number(timestamp),
    key: key?.toString('utf8') ?? '',
    value: value ?? new Uint8Array(),
    ...(Object.keys(named).length > 0 && { headers: named }),
  }
}

function texts(headers: IHeaders): Record<string, string> {
  const pairs = Object.entries(headers).map(([name, value]) => [name, String(Array.isArray(value) ? value[0] : value)] as const)
  return Object.fromEntries(pairs)
}
