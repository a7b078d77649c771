import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { ensureBuckets } from '../../../platform/adapters/influx/ensure.ts'
import { openInfluxReader } from '../../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../../platform/adapters/influx/open-writer.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { openInflux } from '../../services.ts'
import type { OpenedSeries, TenantLimits } from './opened.ts'

export const quiet = createLogger({ level: 'fatal', part: 'test', isPretty: false })

/** A folder of tests has the same name in each run, and a server may be left running between them. */
const run = randomBytes(8)

/** Buckets of its own on the real server, called after the folder; places in a metadata store in it. */
export async function openInfluxSeries(folder: string, limits: TenantLimits = {}): Promise<OpenedSeries> {
  const server = await openInflux()
  const bucket = `t${createHash('sha256').update(run).update(folder).digest('hex').slice(0, 20)}`
  const cell = { ...server, bucket, name: 'one' }
  await ensureBuckets(cell, { readingsDays: 3_650, rejectedDays: 3_650 })
  const places = await openSqliteMetadata({ folder, onDeath: (error) => t.fail('A thread ended by itself.', { error }) })
  const writer = openInfluxWriter({ cell, limits, log: quiet })
  const reader = openInfluxReader({ cells: [cell], places })
  /** As the processors do: a tenant has a place before its readings are stored. */
  const place = (records: readonly { readonly tenant: string }[]) =>
    places.placeTenants([...new Set(records.map(({ tenant }) => tenant))], [cell.name])
  return {
    writer: {
      async write(points, signal) {
        const batch = [...points]
        await place(batch)
        return writer.write(batch, signal)
      },
      async index(entries) {
        await place(entries)
        await writer.index(entries)
      },
    },
    reader,
    async close() {
      reader.close()
      writer.close()
      await places.close()
    },
  }
}
