import type { BridgeSettings } from '../../../ingest/service.ts'
import type { SecureListener } from '../listener/secure-listener.ts'

type Connection = BridgeSettings['connection']

/** A bridge to that broker, by the name `bridge-1`. */
export const bridgeTo = (url: string, changes: Partial<Connection> = {}): BridgeSettings => ({
  group: 'millrace',
  trustsTopics: true,
  connection: {
    url,
    clientId: 'bridge-1',
    protocol: '3.1.1',
    inFlight: { messagesMax: 1_000, bytesMax: 16 * 1_048_576 },
    ...changes,
  },
})

export const FIRST_MS = Date.now() - 86_400_000
/** A message with one reading; each `n` is another one. */
export const reading = (n: number) => ({ readings: [{ sensor: 'press-1', ts: FIRST_MS + n, values: { power_w: n } }] })

/** Which of the readings have become durable. */
export async function durable(listener: SecureListener): Promise<ReadonlySet<number>> {
  const texts = (await listener.records()).map(({ value }) => Buffer.from(value).toString('latin1'))
  return new Set(texts.flatMap((text) => [...text.matchAll(/"ts":(\d+),/g)].map(([, ts]) => Number(ts) - FIRST_MS)))
}
