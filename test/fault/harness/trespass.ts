import { setTimeout } from 'node:timers/promises'
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

const ATTEMPTS_MAX = 200
const COME_BACK_MS = 50
const GIVE_UP_MS = 3_000

/**
 * Publishes sound readings to another gateway's topic, as soon as there is a server to publish to. What comes of it goes to the ledger; the
 * readings must be nowhere.
 */
export async function trespass(options: TrespassOptions, message: PlannedMessage): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (await attemptTrespass(options, message)) return
    await setTimeout(COME_BACK_MS)
  }
}

/** @returns whether it was connected. */
async function attemptTrespass(
  { door, credentials, ledger, victim }: TrespassOptions,
  { n, payload, faults }: PlannedMessage,
): Promise<boolean> {
  const name = { tenant: credentials.tenant, gateway: credentials.gateway }
  const line = openLine(door, credentials)
  const closed = new Promise<void>((resolve) => line.once('close', () => resolve()))
  const connected = new Promise<boolean>((resolve) => line.once('connect', () => resolve(true)))
  const isConnected = await Promise.race([connected, closed.then(() => false)])
  if (isConnected) {
    await ledger.sending({ ...name, n, payload, faults, isForbidden: true })
    let outcome: 'acknowledged' | 'refused' = 'refused'
    line.publish(readingsTopic(victim), payload, { qos: 1 }, (error) => {
      if (!error) outcome = 'acknowledged'
    })
    const patience = new AbortController()
    await Promise.race([closed, setTimeout(GIVE_UP_MS, undefined, { signal: patience.signal }).catch(() => undefined)])
    patience.abort()
    ledger.ended({ ...name, n }, outcome)
  }
  line.end(true)
  return isConnected
}
