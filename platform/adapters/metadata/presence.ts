import type { Kysely } from 'kysely'
import type { GatewayStore, PresenceChange } from '../../ports/metadata.ts'
import { writeInBatches } from './batches.ts'
import type { Guard } from './guard.ts'
import type { PresenceTable, Tables } from './tables.ts'

export type PresenceWriter = Pick<GatewayStore, 'recordPresence' | 'clearPresence' | 'keepAlive'>

export function createPresenceWriter(db: Kysely<Tables>, guard: Guard): PresenceWriter {
  return {
    recordPresence: (changes) =>
      guard(() =>
        writeInBatches(db, lastOfEach(changes), (transaction, rows) =>
          transaction
            .insertInto('presence')
            .values(rows)
            .onConflict((conflict) =>
              conflict
                .columns(['tenant', 'gateway'])
                .doUpdateSet((update) => ({
                  is_connected: update.ref('excluded.is_connected'),
                  since_ms: update.ref('excluded.since_ms'),
                  listener: update.ref('excluded.listener'),
                  // A gateway that connects has not published yet; when it last did stays true.
                  last_message_ms: update.fn.coalesce('excluded.last_message_ms', 'presence.last_message_ms'),
                }))
                .where((where) =>
                  where.or([
                    where('excluded.is_connected', '=', 1),
                    where('presence.is_connected', '=', 0),
                    where('presence.listener', 'is', null),
                    where('presence.listener', '=', where.ref('excluded.listener')),
                  ]),
                ),
            )
            .execute(),
        ),
      ),

    clearPresence: (listener, sinceMs) =>
      guard(async () => {
        await db
          .updateTable('presence')
          .set({ is_connected: 0, since_ms: sinceMs })
          .where('is_connected', '=', 1)
          .where((where) => where.or([where('listener', 'is', null), where('listener', '=', listener)]))
          .execute()
      }),

    keepAlive: (listener, nowMs, deadBeforeMs) =>
      guard(async () => {
        await db
          .insertInto('listener')
          .values({ id: listener, alive_ms: nowMs })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ alive_ms: nowMs }))
          .execute()
        const alive = db.selectFrom('listener').select('id').where('alive_ms', '>=', deadBeforeMs)
        await db
          .updateTable('presence')
          .set({ is_connected: 0, since_ms: nowMs })
          .where('is_connected', '=', 1)
          .where('listener', 'is not', null)
          .where('listener', 'not in', alive)
          .execute()
        // Each start is a listener of its own; those of before are of no use any more, and one that comes back says so.
        await db.deleteFrom('listener').where('alive_ms', '<', deadBeforeMs).execute()
      }),
  }
}

function lastOfEach(changes: readonly PresenceChange[]): ReadonlyMap<string, PresenceTable> {
  const rows = new Map<string, PresenceTable>()
  for (const { tenant, gateway, isConnected, sinceMs, lastMessageMs, listener } of changes) {
    const key = `${tenant}/${gateway}`
    rows.set(key, {
      tenant,
      gateway,
      is_connected: isConnected ? 1 : 0,
      since_ms: sinceMs,
      last_message_ms: lastMessageMs ?? rows.get(key)?.last_message_ms ?? null,
      listener,
    })
  }
  return rows
}
