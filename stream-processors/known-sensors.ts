import type { Sensor, SensorStore } from '../platform/ports/metadata.ts'
import type { GatewayName } from '../schemas/topics.ts'

/** Beyond this all are forgotten and looked at once more. */
const SENSORS_CACHED_MAX = 200_000

export interface KnownSensors {
  /** @param receivedMs  When it was heard, epoch milliseconds. */
  note(from: GatewayName, sensor: string, receivedMs: number): void
  /** Registers those that are new, or have moved to another gateway, since the last flush. @throws {MillraceError} `metadata.unavailable`: they stay noted. */
  flush(): Promise<void>
}

/** Keeps the register of sensors up to date without asking it for every reading. */
export function createKnownSensors(store: Pick<SensorStore, 'recordSensors'>): KnownSensors {
  /** By tenant and sensor. */
  const gateways = new Map<string, Map<string, string>>()
  let count = 0
  const changed = new Map<string, Sensor>()

  return {
    note({ tenant, gateway }, sensor, receivedMs) {
      const known = gateways.get(tenant)?.get(sensor)
      if (known === gateway) return
      if (count >= SENSORS_CACHED_MAX) {
        gateways.clear()
        count = 0
      }
      const ofTenant = gateways.get(tenant) ?? new Map<string, string>()
      gateways.set(tenant, ofTenant.set(sensor, gateway))
      if (known === undefined) count++
      changed.set(`${tenant}/${sensor}`, { tenant, id: sensor, gateway, firstSeenMs: receivedMs })
    },
    async flush() {
      if (changed.size === 0) return
      await store.recordSensors([...changed.values()])
      changed.clear()
    },
  }
}
