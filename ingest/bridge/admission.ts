import type { GatewayStore, TenantStore } from '../../platform/ports/metadata.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { type GatewayName, logKey } from '../../schemas/topics.ts'
import { pollRevocations } from '../poll-revocations.ts'

export type AdmissionRefusal = 'tenant.unknown' | 'gateway.revoked'

export interface AdmissionOptions {
  readonly registry: Pick<TenantStore, 'tenant'> & Pick<GatewayStore, 'gateway' | 'certificateOwner' | 'revokedCertificates'>
  readonly clock: () => number
  readonly log: Logger
}

export interface Admission {
  /** @returns why messages of this gateway are refused now; undefined where they aren't. @throws {MillraceError} `metadata.unavailable`. */
  refusal(from: GatewayName): Promise<AdmissionRefusal | undefined>
  stop(): void
}

/** The listener looks as often: a revoked gateway is out within a second. */
const LOOK_EVERY_MS = 400
const REMEMBERED_MS = 600_000
const GATEWAYS_MAX = 100_000

/**
 * Who is let in: gateways of a tenant that is known, except those that were revoked. One that nobody has enrolled is let in: it has no certificate of ours, and
 * the broker has let it in (decision 15). The registry is asked once for each, and whenever a certificate of it was revoked.
 */
export function startAdmission({ registry, clock, log }: AdmissionOptions): Admission {
  const admitted = new Map<string, { readonly untilMs: number; readonly answer: Promise<AdmissionRefusal | undefined> }>()
  let seen: ReadonlySet<string> = new Set()

  async function ask({ tenant, gateway }: GatewayName): Promise<AdmissionRefusal | undefined> {
    if ((await registry.tenant(tenant)) === undefined) return 'tenant.unknown'
    const found = await registry.gateway(proveTenant(tenant), gateway)
    return found?.revokedMs !== undefined && found.revokedMs <= clock() ? 'gateway.revoked' : undefined
  }

  const stop = pollRevocations({
    registry,
    clock,
    everyMs: LOOK_EVERY_MS,
    begin: () => admitted.size > 0,
    /** Forgets those of whom a certificate was revoked: asked for again, they are refused, unless they have another. */
    async revoked(fingerprints) {
      for (const fingerprint of fingerprints) {
        const owner = seen.has(fingerprint) ? undefined : await registry.certificateOwner(fingerprint)
        if (owner !== undefined) admitted.delete(logKey(owner))
      }
      seen = new Set(fingerprints)
    },
    failing: (err) => log.error({ err }, 'Revoked gateways can not be looked up; the bridge goes on with those it knows.'),
  })

  return {
    refusal(from) {
      const key = logKey(from)
      const known = admitted.get(key)
      if (known !== undefined && known.untilMs > clock()) return known.answer
      if (admitted.size >= GATEWAYS_MAX) admitted.clear()
      const entry = { untilMs: clock() + REMEMBERED_MS, answer: ask(from) }
      admitted.set(key, entry)
      const forget = (): void => {
        if (admitted.get(key) === entry) admitted.delete(key)
      }
      // What was refused, and what could not be answered, is asked for again.
      entry.answer.then((refusal) => refusal !== undefined && forget(), forget)
      return entry.answer
    },
    stop,
  }
}
