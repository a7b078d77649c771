import type { TokenScope } from '../../schemas/tokens.ts'
import type { TenantScope } from './tenant-scope.ts'

/** All times are epoch milliseconds, UTC. Every method throws {MillraceError} `metadata.unavailable` when the store is away. */
export interface Tenant {
  readonly id: string
  readonly name: string
  readonly createdMs: number
}

export interface TenantStore {
  /** @throws {MillraceError} `tenant.exists`. */
  addTenant(tenant: Tenant): Promise<void>
  tenants(): Promise<readonly Tenant[]>
  tenant(id: string): Promise<Tenant | undefined>
}

export interface Certificate {
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly revokedMs?: number
}

export interface Gateway {
  readonly tenant: string
  readonly id: string
  readonly enrolledMs: number
  /** Set when the gateway as a whole was revoked; it then has no valid certificate. */
  readonly revokedMs?: number
  /** Newest first. */
  readonly certificates: readonly Certificate[]
  readonly presence?: Presence
}

export interface Presence {
  readonly isConnected: boolean
  /** When the present state began. */
  readonly sinceMs: number
  /** When the gateway last published. */
  readonly lastMessageMs?: number
}

export interface PresenceChange extends Presence {
  readonly tenant: string
  readonly gateway: string
  /** Which listener saw it. */
  readonly listener: string
}

export interface Page {
  readonly limit: number
  /** Only ids that sort behind this one. */
  readonly after?: string
}

export interface GatewayStore {
  /** @throws {MillraceError} `tenant.unknown`, `gateway.exists` (unless it is revoked: then it is enrolled anew). */
  enrolGateway(gateway: { tenant: string; id: string; enrolledMs: number; certificate: Certificate }): Promise<void>
  /** Adds a certificate and ends all older ones at `revokeOthersMs` (which may lie ahead: an overlap). @throws {MillraceError} `gateway.unknown`. */
  rotateGateway(gateway: { tenant: string; id: string; certificate: Certificate; revokeOthersMs: number }): Promise<void>
  /** @throws {MillraceError} `gateway.unknown`. */
  revokeGateway(gateway: { tenant: string; id: string; revokedMs: number }): Promise<void>
  gateways(tenant: TenantScope, page: Page): Promise<readonly Gateway[]>
  gateway(tenant: TenantScope, id: string): Promise<Gateway | undefined>
  /** Whose certificate this is: the one question of the MQTT door. Revoked and expired ones are found too. */
  certificateOwner(fingerprint: string): Promise<{ tenant: string; gateway: string; certificate: Certificate } | undefined>
  /** Fingerprints of certificates whose revocation took effect in `[fromMs, toMs)`; the listener asks again and again, and ends their connections. */
  revokedCertificates(fromMs: number, toMs: number): Promise<readonly string[]>
  /** The last change for a gateway wins; but that one listener lost it says nothing when another has it by now. */
  recordPresence(changes: readonly PresenceChange[]): Promise<void>
  /** Marks every gateway that was connected through this listener as gone: what it does when it starts after a crash. */
  clearPresence(listener: string, sinceMs: number): Promise<void>
  /** Says that a listener is alive, and marks the gateways of those as gone that haven't said so since `deadBeforeMs`. */
  keepAlive(listener: string, nowMs: number, deadBeforeMs: number): Promise<void>
}

export interface Token {
  /** Public part, safe to show and to log. */
  readonly id: string
  readonly tenant: string
  readonly scopes: readonly TokenScope[]
  readonly label: string
  readonly createdMs: number
  readonly expiresMs: number
  readonly revokedMs?: number
}

export interface TokenStore {
  /** @param secretHash  SHA-256 of the token's secret, lower-case hex. @throws {MillraceError} `tenant.unknown`. */
  addToken(token: Token, secretHash: string): Promise<void>
  tokens(tenant: TenantScope): Promise<readonly Token[]>
  /** Revoked and expired ones are found too. */
  tokenByHash(secretHash: string): Promise<Token | undefined>
  /** @throws {MillraceError} `token.unknown`. */
  revokeToken(id: string, revokedMs: number): Promise<void>
}

export interface Sensor {
  readonly tenant: string
  readonly id: string
  /** The gateway that last spoke for it. */
  readonly gateway: string
  readonly firstSeenMs: number
}

export interface SensorStore {
  /** Adds sensors, or notes that another gateway speaks for them now. */
  recordSensors(sensors: readonly Sensor[]): Promise<void>
  sensors(scope: TenantScope, page: Page & { readonly gateway?: string }): Promise<readonly Sensor[]>
  sensor(scope: TenantScope, id: string): Promise<Sensor | undefined>
}

/** In which cell of the time-series store each tenant's readings are. A place, once given, never changes: adding a cell moves nobody. */
export interface CellPlaces {
  /** Tenants without a place get the cell with the fewest of them. @returns where each of the tenants is. */
  placeTenants(tenants: readonly string[], cells: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** Tenants without a place are left out. */
  placesOf(tenants: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** How many tenants live in each cell that has any, by its name. */
  tenantsByCell(): Promise<ReadonlyMap<string, number>>
}

export interface Metadata extends TenantStore, GatewayStore, TokenStore, SensorStore, CellPlaces {
  /** Resolves when the store answers. */
  ping(): Promise<void>
}
