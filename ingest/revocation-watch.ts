import type { GatewayStore } from '../platform/ports/metadata.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { LiveGateway } from './gateway-policy.ts'

export interface RevocationWatchOptions {
  readonly registry: Pick<GatewayStore, 'revokedCertificates'>
  readonly live: ReadonlySet<LiveGateway>
  readonly clock: () => number
  readonly log: Logger
  readonly everyMs: number
}

/** Clocks of other machines that revoke may be behind ours by this, and a connection that is being admitted was looked up a little earlier. */
const OVERLAP_MS = 60_000

/**
 * Ends the connections of certificates that were revoked or have expired. It asks the registry again and again, which needs no word between the one who
 * revokes and the listener: it works for one process and for many.
 */
export function startRevocationWatch({ registry, live, clock, log, everyMs }: RevocationWatchOptions): Running {
  let isAsking = false
  let isFailing = false
  /** What took effect before this has been dealt with; it stands still while the registry is away. */
  let doneUntilMs = clock()

  async function look(): Promise<void> {
    const nowMs = clock()
    for (const gateway of [...live]) if (gateway.notAfterMs <= nowMs) gateway.end('certificate-expired')
    const revoked = new Set(live.size === 0 ? [] : await registry.revokedCertificates(doneUntilMs - OVERLAP_MS, nowMs + 1))
    doneUntilMs = nowMs
    if (revoked.size === 0) return
    for (const gateway of [...live]) if (revoked.has(gateway.fingerprint)) gateway.end('certificate-revoked')
  }

  const timer = setInterval(() => {
    if (isAsking) return
    isAsking = true
    look()
      .then(() => {
        isFailing = false
      })
      .catch((error: unknown) => {
        if (!isFailing) log.error({ err: error }, 'Revoked certificates can not be looked up; their connections stay open.')
        isFailing = true
      })
      .finally(() => {
        isAsking = false
      })
  }, everyMs)

  return {
    name: 'revocation-watch',
    async stop() {
      clearInterval(timer)
    },
  }
}
