import type { GatewayStore } from '../platform/ports/metadata.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { LiveGateway } from './gateway-policy.ts'
import { pollRevocations } from './poll-revocations.ts'

export interface RevocationWatchOptions {
  readonly registry: Pick<GatewayStore, 'revokedCertificates'>
  readonly live: ReadonlySet<LiveGateway>
  readonly clock: () => number
  readonly log: Logger
  readonly everyMs: number
}

/** Ends the connections of certificates that were revoked or have expired. */
export function startRevocationWatch({ registry, live, clock, log, everyMs }: RevocationWatchOptions): Running {
  const stop = pollRevocations({
    registry,
    clock,
    everyMs,
    begin(nowMs) {
      for (const gateway of [...live]) if (gateway.notAfterMs <= nowMs) gateway.end('certificate-expired')
      return live.size > 0
    },
    revoked(fingerprints) {
      if (fingerprints.length === 0) return
      const revoked = new Set(fingerprints)
      for (const gateway of [...live]) if (revoked.has(gateway.fingerprint)) gateway.end('certificate-revoked')
    },
    failing: (err) => log.error({ err }, 'Revoked certificates can not be looked up; their connections stay open.'),
  })
  return {
    name: 'revocation-watch',
    async stop() {
      stop()
    },
  }
}
