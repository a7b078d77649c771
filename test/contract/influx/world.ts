import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { ensureBuckets } from '../../../platform/adapters/influx/ensure.ts'
import { openInfluxReader } from '../../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../../platform/adapters/influx/open-writer.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { openInflux } from '../../services.ts'
import { quiet } from '../time-series/influx.ts'

export const retentions = { readingsDays: 3_650, rejectedDays: 90 }
export const fresh = (): string => `t${randomBytes(10).toString('hex')}`

export function firstOf<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('no cell')
  return first
}

export async function openWorld(t: Test, names: readonly string[] = ['one']) {
  const server = await openInflux()
  const cells = names.map((name) => ({ ...server, name, bucket: fresh() }))
  for (const cell of cells) await ensureBuckets(cell, retentions)
  const places = await openSqliteMetadata({ folder: t.testdir(), onDeath: (error) => t.fail('a thread ended', { error }) })
  t.teardown(() => places.close())
  await places.placeTenants(['acme', 'bolt'], names.slice(0, 1))
  /** Writes to the first of them. */
  const open = (some = cells) => {
    const writer = openInfluxWriter({ cell: firstOf(some), log: quiet })
    const reader = openInfluxReader({ cells: some, places })
    t.teardown(() => writer.close())
    t.teardown(() => reader.close())
    return { writer, reader }
  }
  async function write(bucket: string, line: string) {
    const path = `/api/v2/write?org=${server.org}&bucket=${bucket}&precision=ms`
    return fetch(`${server.url}${path}`, { method: 'POST', headers: { authorization: `Token ${server.token}` }, body: line })
  }
  return { server, cells, places, open, write, ...open() }
}
