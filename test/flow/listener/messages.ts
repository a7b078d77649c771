import type { LogRecord } from '../../../platform/ports/event-log.ts'
import { decodeEnvelope } from '../../../schemas/envelope.ts'
import type { Message } from '../../../schemas/message.ts'
import { READINGS_TOPIC } from '../../../schemas/topics.ts'

/** A sound message whose one reading carries a number, so that it is known again. */
export const numbered = (value: number): string => JSON.stringify({ readings: [{ sensor: 's', values: { n: value } }] })

/** The same, as large as wanted: white space is JSON. */
export const padded = (value: number, sizeBytes: number): string => numbered(value).padEnd(sizeBytes)

/** The numbers that have become durable, in the order of the log. */
export function numbersIn(records: readonly LogRecord[]): readonly number[] {
  return records.flatMap(({ topic, value }) => {
    const payload = topic === READINGS_TOPIC ? decodeEnvelope(value)?.payload : undefined
    if (payload === undefined) return []
    const { readings }: Message = JSON.parse(Buffer.from(payload).toString('utf8'))
    return readings.map(({ values }) => values.n ?? Number.NaN)
  })
}
