/**
 * The columns of the metadata store. Times are epoch milliseconds (`bigint`; a driver must return them as numbers), flags are 0 or 1.
 * The only personal data that may be here is a tenant's name, which can be that of a person.
 */
export interface TenantTable {
  readonly id: string
  readonly name: string
  readonly created_ms: number
}

export interface GatewayTable {
  readonly tenant: string
  readonly id: string
  readonly enrolled_ms: number
  readonly revoked_ms: number | null
  /** How many certificates it ever had: counting them up locks the row, and numbers the new one. */
  readonly certificate_count: number
}

export interface CertificateTable {
  readonly fingerprint: string
  readonly tenant: string
  readonly gateway: string
  /** Counts up from 1 for each gateway: two certificates can be made within the same second. */
  readonly number: number
  readonly serial: string
  readonly not_before_ms: number
  readonly not_after_ms: number
  readonly revoked_ms: number | null
}

export interface PresenceTable {
  readonly tenant: string
  readonly gateway: string
  readonly is_connected: number
  readonly since_ms: number
  readonly last_message_ms: number | null
  /** Through which the gateway is, or was last, connected. */
  readonly listener: string | null
}

export interface ListenerTable {
  readonly id: string
  readonly alive_ms: number
}

export interface TokenTable {
  readonly id: string
  readonly tenant: string
  readonly secret_hash: string
  /** Separated by spaces. */
  readonly scopes: string
  readonly label: string
  readonly created_ms: number
  readonly expires_ms: number
  readonly revoked_ms: number | null
}

export interface SensorTable {
  readonly tenant: string
  readonly id: string
  readonly gateway: string
  readonly first_seen_ms: number
}

/** Where a tenant's readings are. */
export interface TenantCellTable {
  readonly tenant: string
  readonly cell: string
}

export interface Tables {
  readonly tenant: TenantTable
  readonly gateway: GatewayTable
  readonly certificate: CertificateTable
  readonly presence: PresenceTable
  readonly token: TokenTable
  readonly sensor: SensorTable
  readonly tenant_cell: TenantCellTable
  readonly listener: ListenerTable
}
