import type { Kysely } from 'kysely'
import type { Sensor, SensorStore } from '../../ports/metadata.ts'
import { assertScope } from '../../ports/tenant-scope.ts'
import { writeInBatches } from './batches.ts'
import type { Fences } from './guard.ts'
import { assertPage } from './page.ts'
import type { SensorTable, Tables } from './tables.ts'

export function createSensorStore(db: Kysely<Tables>, { guard, within }: Fences): SensorStore {
  return {
    recordSensors: (sensors) => guard(() => recordSensors(db, sensors)),

    async sensors(scope, page) {
      assertScope(scope)
      assertPage(page)
      return guard(() =>
        within(scope, async (fenced) => {
          let query = fenced.selectFrom('sensor').selectAll().where('tenant', '=', scope.tenant).orderBy('id').limit(page.limit)
          if (page.gateway !== undefined) query = query.where('gateway', '=', page.gateway)
          if (page.after !== undefined) query = query.where('id', '>', page.after)
          return (await query.execute()).map(toSensor)
        }),
      )
    },

    async sensor(scope, id) {
      assertScope(scope)
      return guard(() =>
        within(scope, async (fenced) => {
          const ofTenant = fenced.selectFrom('sensor').selectAll().where('tenant', '=', scope.tenant)
          const row = await ofTenant.where('id', '=', id).executeTakeFirst()
          return row && toSensor(row)
        }),
      )
    },
  }
}

function recordSensors(db: Kysely<Tables>, sensors: readonly Sensor[]): Promise<void> {
  return writeInBatches(db, mergeById(sensors), (transaction, rows) =>
    transaction
      .insertInto('sensor')
      .values(rows)
      .onConflict((conflict) =>
        conflict
          .columns(['tenant', 'id'])
          .doUpdateSet((update) => ({
            gateway: update.ref('excluded.gateway'),
            first_seen_ms: update
              .case()
              .when('excluded.first_seen_ms', '<', update.ref('sensor.first_seen_ms'))
              .then(update.ref('excluded.first_seen_ms'))
              .else(update.ref('sensor.first_seen_ms'))
              .end(),
          }))
          // Most records say nothing new: what is left out here costs no write.
          .where((where) =>
            where.or([
              where('sensor.gateway', '<>', where.ref('excluded.gateway')),
              where('sensor.first_seen_ms', '>', where.ref('excluded.first_seen_ms')),
            ]),
          ),
      )
      .execute(),
  )
}

/** A replay can bring an earlier time after a later one: the earliest is kept, whatever the order; the last gateway counts. */
function mergeById(sensors: readonly Sensor[]): ReadonlyMap<string, SensorTable> {
  const rows = new Map<string, SensorTable>()
  for (const { tenant, id, gateway, firstSeenMs } of sensors) {
    const key = `${tenant}/${id}`
    const first_seen_ms = Math.min(firstSeenMs, rows.get(key)?.first_seen_ms ?? firstSeenMs)
    rows.set(key, { tenant, id, gateway, first_seen_ms })
  }
  return rows
}

function toSensor({ tenant, id, gateway, first_seen_ms }: SensorTable): Sensor {
  return { tenant, id, gateway, firstSeenMs: first_seen_ms }
}
