import type { GatewayStore } from '../platform/ports/metadata.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { clientIds, downPrefix, type GatewayName, logKey, readingsTopic } from '../schemas/topics.ts'
import {
  CONNACK_CODES,
  type ConnackCode,
  type ConnectRefusal,
  type ConnectRequest,
  type Peer,
  type Policy,
  type Session,
} from './policy.ts'

/** A gateway that is connected now. */
export interface LiveGateway extends GatewayName {
  readonly fingerprint: string
  readonly notAfterMs: number
  end(reason: string): void
}

export interface Publisher extends GatewayName {
  /** True once its certificate is no longer good: what has come and isn't on its way to the event log is dropped. */
  readonly isEnded: boolean
}

export interface GatewayPolicyOptions {
  readonly registry: Pick<GatewayStore, 'certificateOwner'>
  readonly connectionsPerTenantMax: number
  readonly clock: () => number
  readonly log: Logger
  /** Stores a message of a gateway; see `Session.consume`. */
  readonly consume: (from: Publisher, payload: Uint8Array, done: (error?: Error) => void) => void
  readonly onOpened: (gateway: GatewayName) => void
  readonly onClosed: (gateway: GatewayName) => void
}

export interface GatewayPolicy extends Policy {
  readonly live: ReadonlySet<LiveGateway>
}

/** Enrolled gateways only, each as the certificate says who it is: it publishes to its own topic and hears what is sent down to it, nothing else. */
export function createGatewayPolicy(options: GatewayPolicyOptions): GatewayPolicy {
  const { registry, clock, log, consume } = options
  const live = new Set<LiveGateway>()
  const connectionsByTenant = new Map<string, number>()

  async function admit({ fingerprint, address }: Peer, request: ConnectRequest): Promise<Session | ConnectRefusal> {
    const owner = fingerprint === undefined ? undefined : await registry.certificateOwner(fingerprint)
    if (owner === undefined || fingerprint === undefined)
      return refuse('certificate-unknown', CONNACK_CODES.notAuthorized, { address })
    const { tenant, gateway, certificate } = owner
    const name: GatewayName = { tenant, gateway }
    const about = { address, tenant, gateway }
    if (certificate.revokedMs !== undefined && certificate.revokedMs <= clock())
      return refuse('certificate-revoked', CONNACK_CODES.notAuthorized, about)
    if (certificate.notAfterMs <= clock()) return refuse('certificate-expired', CONNACK_CODES.notAuthorized, about)
    if (request.clientId !== '' && !clientIds(name).includes(request.clientId))
      return refuse('client-id-foreign', CONNACK_CODES.identifierRejected, about)
    const { will } = request
    if (will && (will.topic !== readingsTopic(name) || will.isRetained || will.qos > 1))
      return refuse('will-forbidden', CONNACK_CODES.notAuthorized, about)
    // One that comes again takes over its own place: it must not wait until its lost connection is noticed.
    if ((connectionsByTenant.get(tenant) ?? 0) >= options.connectionsPerTenantMax && !isLive(name))
      return refuse('tenant-connections', CONNACK_CODES.serverUnavailable, about)
    return open(name, { fingerprint, notAfterMs: certificate.notAfterMs })
  }

  function isLive({ tenant, gateway }: GatewayName): boolean {
    for (const other of live) if (other.tenant === tenant && other.gateway === gateway) return true
    return false
  }

  function refuse(reason: string, code: ConnackCode, about: object): ConnectRefusal {
    log.warn({ reason, ...about }, 'Gateway refused.')
    return { isAdmitted: false, reason, code }
  }

  function open(name: GatewayName, certificate: Pick<LiveGateway, 'fingerprint' | 'notAfterMs'>): Session {
    const { tenant } = name
    const topic = readingsTopic(name)
    const prefix = downPrefix(name)
    let isEnded = false
    let entry: LiveGateway | undefined
    const publisher: Publisher = {
      ...name,
      key: logKey(name),
      get isEnded() {
        return isEnded
      },
    }
    connectionsByTenant.set(tenant, (connectionsByTenant.get(tenant) ?? 0) + 1)

    return {
      isAdmitted: true,
      isConsumed: true,
      topic,
      clientId: `${tenant}/${name.gateway}`,
      refusePublish(request) {
        if (isEnded) return 'session-ended'
        if (request.topic !== topic) return 'topic-foreign'
        if (request.isRetained) return 'retained'
        return request.qos > 1 ? 'qos-2' : undefined
      },
      maySubscribe: (filter) => filter.startsWith(prefix),
      consume: (payload, done) => consume(publisher, payload, done),
      opened(end) {
        entry = {
          ...name,
          ...certificate,
          end(reason) {
            isEnded = true
            log.warn({ reason, ...name }, 'Gateway disconnected.')
            end(reason)
          },
        }
        live.add(entry)
        options.onOpened(name)
      },
      closed() {
        const left = (connectionsByTenant.get(tenant) ?? 1) - 1
        if (left === 0) connectionsByTenant.delete(tenant)
        else connectionsByTenant.set(tenant, left)
        if (entry === undefined) return
        live.delete(entry)
        if (!isLive(name)) options.onClosed(name)
      },
    }
  }

  return { admit, live }
}
