import type { Kysely, Transaction } from 'kysely'
import type { Tables } from './tables.ts'

/** Rows in one statement. Five columns each stay far below what databases take (32,766 parameters), and compiling stays below a few ms. */
const STATEMENT_ROWS_MAX = 500

/**
 * Writes rows in few statements and one transaction: all of them or none.
 *
 * @param rows  At most one a key. They are sorted by key, so that two writers lock rows in the same order and can't wait for each other.
 */
export async function writeInBatches<R>(
  db: Kysely<Tables>,
  rows: ReadonlyMap<string, R>,
  write: (transaction: Transaction<Tables>, rows: readonly R[]) => Promise<unknown>,
): Promise<void> {
  if (rows.size === 0) return
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  await db.transaction().execute(async (transaction) => {
    for (let start = 0; start < sorted.length; start += STATEMENT_ROWS_MAX) {
      await write(transaction, sorted.slice(start, start + STATEMENT_ROWS_MAX))
    }
  })
}
