import { isGatewayId, isTenantId } from './names.ts'

/** Topics of the event log. Letters, digits, dots and hyphens only: `.` and `_` collide in Kafka's metric names. */
export const READINGS_TOPIC = 'readings.v1'
export const REJECTED_TOPIC = 'rejected.v1'
export const ALERTS_TOPIC = 'alerts.v1'
export const LOG_TOPICS = [READINGS_TOPIC, REJECTED_TOPIC, ALERTS_TOPIC] as const

export interface GatewayName {
  readonly tenant: string
  readonly gateway: string
  /** Its `logKey`, where that has been worked out before. */
  readonly key?: string
}

/** The key of a record: all that a gateway sends stays in order. */
export const logKey = ({ tenant, gateway, key }: GatewayName): string => key ?? `${tenant}/${gateway}`

/** The key of what is no known tenant's. It begins where a tenant would stand, so it is nobody's, whatever tenants there will be: only operators see it. */
export const nobodysKey = (topic: string): string => `/${topic}`
export const isNobodysKey = (key: string): boolean => key.startsWith('/')

/** @returns undefined when the key isn't `tenant/gateway`. */
export function parseLogKey(key: string): GatewayName | undefined {
  const [tenant, gateway, ...rest] = key.split('/')
  if (tenant === undefined || gateway === undefined || rest.length > 0) return undefined
  return isTenantId(tenant) && isGatewayId(gateway) ? { tenant, gateway } : undefined
}

/** Where a gateway publishes its readings. */
export const readingsTopic = ({ tenant, gateway }: GatewayName): string => `v1/${tenant}/${gateway}/readings`
/** What a gateway may subscribe to lies below this: `v1/{tenant}/{gateway}/down/`. */
export const downPrefix = ({ tenant, gateway }: GatewayName): string => `v1/${tenant}/${gateway}/down/`
/** The MQTT client id of a gateway. Ids are unique in a broker, gateway ids only in their tenant. */
export const clientIds = ({ tenant, gateway }: GatewayName): readonly string[] => [gateway, `${tenant}/${gateway}`]
