import type { GatewayStore } from '../platform/ports/metadata.ts'

export interface RevocationPoll {
  readonly registry: Pick<GatewayStore, 'revokedCertificates'>
  readonly clock: () => number
  readonly everyMs: number
  /** Called each time before the registry is asked. @returns whether there is anybody for whom to ask. */
  begin(nowMs: number): boolean
  /** Fingerprints of what was revoked lately; the same ones come several times. */
  revoked(fingerprints: readonly string[]): void | Promise<void>
  /** Once for each time that the registry is away. */
  failing(error: unknown): void
}

/** Clocks of other machines that revoke may be behind ours by this, and a connection that is being admitted was looked up a little earlier. */
const OVERLAP_MS = 60_000

/**
 * Asks the registry again and again what was revoked, which needs no word between the one who revokes and the listener: it works for one process and
 * for many.
 *
 * @returns what ends it.
 */
export function pollRevocations({ registry, clock, everyMs, begin, revoked, failing }: RevocationPoll): () => void {
  let isAsking = false
  let isFailing = false
  /** What took effect before this has been dealt with; it stands still while the registry is away. */
  let doneUntilMs = clock()

  async function look(): Promise<void> {
    const nowMs = clock()
    await revoked(begin(nowMs) ? await registry.revokedCertificates(doneUntilMs - OVERLAP_MS, nowMs + 1) : [])
    doneUntilMs = nowMs
  }

  const timer = setInterval(() => {
    if (isAsking) return
    isAsking = true
    look()
      .then(() => {
        isFailing = false
      })
      .catch((error: unknown) => {
        if (!isFailing) failing(error)
        isFailing = true
      })
      .finally(() => {
        isAsking = false
      })
  }, everyMs)
  return () => clearInterval(timer)
}
