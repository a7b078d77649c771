import { type Kysely, sql } from 'kysely'
import type { Metadata } from '../../ports/metadata.ts'
import { createCellPlaces } from './cells.ts'
import { createGatewayStore } from './gateways.ts'
import { createGuard } from './guard.ts'
import { createSensorStore } from './sensors.ts'
import type { Tables } from './tables.ts'
import { createTenantStore } from './tenants.ts'
import { createTokenStore } from './tokens.ts'
import { type Within, withinOne } from './within.ts'

/**
 * The metadata store on any database that Kysely speaks to and `migrateMetadata` has prepared.
 * Its driver must return `bigint` columns as numbers, and ids must sort by their bytes (ids are ASCII).
 */
export function createMetadata(db: Kysely<Tables>, within: Within = withinOne(db)): Metadata {
  const guard = createGuard()
  return {
    ...createTenantStore(db, guard),
    ...createGatewayStore(db, { guard, within }),
    ...createTokenStore(db, { guard, within }),
    ...createSensorStore(db, { guard, within }),
    ...createCellPlaces(db, guard),
    ping: () =>
      guard(async () => {
        await sql`select 1`.execute(db)
      }),
  }
}
