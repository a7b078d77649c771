import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { asBytes, asNumber, asText } from '../../../platform/adapters/sqlite/database.ts'
import { openSqliteLogView } from '../../../platform/adapters/sqlite/log/open-view.ts'
import { decodeHeader, decodeValues, viewOf } from '../../../platform/adapters/sqlite/series/row-data.ts'
import type { EventLogReader, LogRecord } from '../../../platform/ports/event-log.ts'
import { decodeEnvelope } from '../../../schemas/envelope.ts'
import { parseLogKey, READINGS_TOPIC, REJECTED_TOPIC } from '../../../schemas/topics.ts'
import type { LoggedMessage } from '../check/check-log.ts'
import type { CommittedOffset } from '../check/check-offsets.ts'
import type { SeenRow } from '../check/check-readings.ts'
import type { Violation } from '../check/violation.ts'

const PAGE = { recordsMax: 10_000, bytesMax: 16 * 1_048_576 }

function withDatabase<T>(folder: string, file: string, work: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(join(folder, file), { readOnly: true, timeout: 5_000 })
  try {
    return work(database)
  } finally {
    database.close()
  }
}

/** Every row of series.sqlite, whichever of its tables it lies in: one that lies in both comes twice. */
export function visitStoredRows(folder: string, visit: (row: SeenRow) => void): void {
  withDatabase(folder, 'series.sqlite', (database) => {
    const metrics = new Map(
      database
        .prepare('SELECT tenant_id, id, name FROM metric')
        .all()
        .map((row) => [`${row.tenant_id}/${row.id}`, asText(row.name)]),
    )
    const rows = database.prepare(`
      SELECT tenant.id AS tenant_id, tenant.name AS tenant, sensor.name AS sensor, ts, data
      FROM (SELECT sensor_id, ts, data FROM fresh UNION ALL SELECT sensor_id, ts, data FROM reading)
      JOIN sensor ON sensor.id = sensor_id JOIN tenant ON tenant.id = sensor.tenant_id`)
    for (const row of rows.iterate()) {
      const data = asBytes(row.data)
      const header = decodeHeader(viewOf(data))
      visit({
        tenant: asText(row.tenant),
        sensor: asText(row.sensor),
        timestampMs: asNumber(row.ts),
        sequence: 'sequence' in header ? header.sequence : undefined,
        values: new Map(
          decodeValues(data).map(({ metric, value }) => [metrics.get(`${row.tenant_id}/${metric}`) ?? `metric ${metric}`, value]),
        ),
      })
    }
  })
}

/** Everything that the event log of a folder holds, by partition and offset. */
export async function readLog(folder: string): Promise<readonly LoggedMessage[]> {
  const log = await openSqliteLogView(folder)
  return readAllMessages(log).finally(log.close)
}

/** Everything that an event log holds, by partition and offset. */
export async function readAllMessages(log: Pick<EventLogReader, 'partitions' | 'read'>): Promise<readonly LoggedMessage[]> {
  const messages: LoggedMessage[] = []
  for (const topic of [READINGS_TOPIC, REJECTED_TOPIC]) {
    for (const { partition, firstOffset, nextOffset } of await log.partitions(topic)) {
      for (let offset = firstOffset; offset < nextOffset; ) {
        const page = await log.read({ topic, partition, offset }, PAGE)
        for (const record of page) messages.push(toLogged(record))
        offset = (page.at(-1)?.offset ?? nextOffset) + 1
      }
    }
  }
  return messages
}

function toLogged({ topic, key, partition, offset, value }: LogRecord): LoggedMessage {
  const from = parseLogKey(key)
  const payload = topic === READINGS_TOPIC ? decodeEnvelope(value)?.payload : value
  if (from === undefined || payload === undefined) throw new Error(`${topic}/${partition} holds something else at ${offset}.`)
  return { ...from, kind: topic === READINGS_TOPIC ? 'readings' : 'rejected', partition, offset, payload: textOf(payload) }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')

/** How far each consumer group is, as it lies on the disk. */
export function readOffsets(folder: string): readonly CommittedOffset[] {
  return withDatabase(folder, 'log.sqlite', (database) =>
    database
      .prepare(`
        SELECT consumer_group, topic.name AS topic, partition, next_offset, COALESCE((
          SELECT base_offset + count FROM batch WHERE batch.topic_id = committed.topic_id AND batch.partition = committed.partition
          ORDER BY base_offset DESC LIMIT 1), 0) AS end
        FROM committed JOIN topic ON topic.id = topic_id`)
      .all()
      .map((row) => ({
        group: asText(row.consumer_group),
        topic: asText(row.topic),
        partition: asNumber(row.partition),
        committed: asNumber(row.next_offset),
        end: asNumber(row.end),
      })),
  )
}

/** Records of the event log that nobody has committed yet. */
export function readLag(folder: string): number {
  return withDatabase(folder, 'log.sqlite', (database) => {
    const row = database
      .prepare(`
        SELECT COALESCE(SUM(ends.end - COALESCE(committed.next_offset, 0)), 0) AS lag
        FROM (SELECT topic_id, partition, MAX(base_offset + count) AS end FROM batch GROUP BY topic_id, partition) AS ends
        LEFT JOIN committed ON committed.topic_id = ends.topic_id AND committed.partition = ends.partition`)
      .get()
    return asNumber(row?.lag)
  })
}

/** SQLite's own check of every store file. */
export function checkIntegrity(folder: string): readonly Violation[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.sqlite'))
  return files.flatMap((file) => {
    const faults = withDatabase(folder, file, (database) => database.prepare('PRAGMA integrity_check').all())
    const texts = faults.map(({ integrity_check: text }) => String(text))
    return texts.join() === 'ok' ? [] : [{ kind: 'damaged' as const, where: file, detail: texts.join('; ') }]
  })
}
