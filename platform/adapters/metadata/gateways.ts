import type { Kysely, Selectable } from 'kysely'
import type { Gateway, GatewayStore, Presence } from '../../ports/metadata.ts'
import { assertScope } from '../../ports/tenant-scope.ts'
import { createCertificateQueries, toCertificate } from './certificates.ts'
import { createEnrolment } from './enrolment.ts'
import type { Fences } from './guard.ts'
import { assertPage } from './page.ts'
import { createPresenceWriter } from './presence.ts'
import type { CertificateTable, GatewayTable, Tables } from './tables.ts'

export function createGatewayStore(db: Kysely<Tables>, { guard, within }: Fences): GatewayStore {
  return {
    ...createEnrolment(db, guard),
    ...createCertificateQueries(db, guard),
    ...createPresenceWriter(db, guard),

    async gateways(scope, page) {
      assertScope(scope)
      assertPage(page)
      return guard(() => within(scope, (fenced) => findPage(fenced, scope.tenant, page)))
    },

    async gateway(scope, id) {
      assertScope(scope)
      return guard(() =>
        within(scope, async (fenced) => {
          const row = await gatewaysOf(fenced, scope.tenant).where('gateway.id', '=', id).executeTakeFirst()
          if (!row) return undefined
          const certificates = await certificatesOf(fenced, scope.tenant).where('gateway', '=', id).execute()
          return toGateway(row, certificates)
        }),
      )
    },
  }
}

async function findPage(
  db: Kysely<Tables>,
  tenant: string,
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<readonly Gateway[]> {
  let query = gatewaysOf(db, tenant).orderBy('gateway.id').limit(limit)
  if (after !== undefined) query = query.where('gateway.id', '>', after)
  const rows = await query.execute()
  const [first, last] = [rows.at(0), rows.at(-1)]
  if (!first || !last) return []

  // The page is one stretch of ids, so its ends name it whatever its length.
  const certificates = await certificatesOf(db, tenant).where('gateway', '>=', first.id).where('gateway', '<=', last.id).execute()
  const byGateway = Map.groupBy(certificates, ({ gateway }) => gateway)
  return rows.map((row) => toGateway(row, byGateway.get(row.id) ?? []))
}

const gatewaysOf = (db: Kysely<Tables>, tenant: string) =>
  db
    .selectFrom('gateway')
    .leftJoin('presence', (join) =>
      join.onRef('presence.tenant', '=', 'gateway.tenant').onRef('presence.gateway', '=', 'gateway.id'),
    )
    .selectAll('gateway')
    .select(['presence.is_connected', 'presence.since_ms', 'presence.last_message_ms'])
    .where('gateway.tenant', '=', tenant)

const certificatesOf = (db: Kysely<Tables>, tenant: string) =>
  db.selectFrom('certificate').selectAll().where('tenant', '=', tenant).orderBy('number', 'desc')

interface PresenceColumns {
  readonly is_connected: number | null
  readonly since_ms: number | null
  readonly last_message_ms: number | null
}

function toGateway(row: Selectable<GatewayTable> & PresenceColumns, certificates: readonly CertificateTable[]): Gateway {
  const presence = toPresence(row)
  return {
    tenant: row.tenant,
    id: row.id,
    enrolledMs: row.enrolled_ms,
    ...(row.revoked_ms === null ? {} : { revokedMs: row.revoked_ms }),
    certificates: certificates.map(toCertificate),
    ...(presence && { presence }),
  }
}

function toPresence({ is_connected, since_ms, last_message_ms }: PresenceColumns): Presence | undefined {
  if (is_connected === null || since_ms === null) return undefined
  return {
    isConnected: is_connected === 1,
    sinceMs: since_ms,
    ...(last_message_ms === null ? {} : { lastMessageMs: last_message_ms }),
  }
}
