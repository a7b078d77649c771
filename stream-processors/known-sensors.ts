import type { Sensor, SensorStore } from '../platform/ports/metadata.ts'
import { logKey } from '../schemas/topics.ts'

/** Beyond this the oldest entries are forgotten and looked at once more. */
const SENSORS_CACHED_MAX = 200_000

export interface KnownSensors {
  note(sensor: Sensor): void
  /** Registers those that are new, or have moved to another gateway, since the last flush. @throws {MillraceError} `metadata.unavailable`: they stay noted. */
  flush(): Promise<void>
}

/** Keeps the register of sensors up to date without asking it for every reading. */
export function createKnownSensors(store: Pick<SensorStore, 'recordSensors'>): KnownSensors {
  const gatewayBySensor = new Map<string, string>()
  const changed = new Map<string, Sensor>()

  return {
    note(sensor) {
      const key = logKey({ tenant: sensor.tenant, gateway: sensor.id })
      if (gatewayBySensor.get(key) === sensor.gateway) return
      if (gatewayBySensor.size >= SENSORS_CACHED_MAX) gatewayBySensor.clear()
      gatewayBySensor.set(key, sensor.gateway)
      changed.set(key, sensor)
    },
    async flush() {
      if (changed.size === 0) return
      await store.recordSensors([...changed.values()])
      changed.clear()
    },
  }
}
