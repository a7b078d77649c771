import { once } from 'node:events'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import { type GatewayName, readingsTopic } from '../../../schemas/topics.ts'
import type { Ledger } from './ledger.ts'
import { type Door, openLine } from './line.ts'
import type { PlannedMessage } from './message.ts'

export interface TrespassOptions {
  readonly door: Door
  /** A gateway that does nothing else: a second connection would end its first. */
  readonly credentials: GatewayCredentials
  readonly ledger: Ledger
  /** Whose topic it publishes to. */
  readonly victim: GatewayName
}

const GIVE_UP_MS = 3_000

/** Publishes sound readings to another gateway's topic. What it gets for that goes to the ledger; the readings must be nowhere. */
export async function trespass(
  { door, credentials, ledger, victim }: TrespassOptions,
  { n, payload, faults }: PlannedMessage,
): Promise<void> {
  const name = { tenant: credentials.tenant, gateway: credentials.gateway }
  const line = openLine(door, credentials)
  const closed = once(line, 'close')
  const timer = setTimeout(() => line.stream.destroy(), GIVE_UP_MS)
  let outcome: 'acknowledged' | 'refused' = 'refused'
  line.once('connect', async () => {
    await ledger.sending({ ...name, n, payload, faults, isForbidden: true })
    line.publish(readingsTopic(victim), payload, { qos: 1 }, (error) => {
      if (!error) outcome = 'acknowledged'
    })
    // Nobody hears of it when the server has just been killed, and then nothing is known about it.
    await closed
    ledger.ended({ ...name, n }, outcome)
  })
  await closed
  clearTimeout(timer)
  line.end(true)
}
