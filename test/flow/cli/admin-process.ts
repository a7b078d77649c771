import { createInterface } from 'node:readline'
import { adminSocketPath } from '../../../operate/admin/socket-path.ts'
import { startAdmin } from '../../../operate/admin/start-admin.ts'
import { createOperations } from '../../../operate/operations/operations.ts'
import { lockFolder } from '../../../platform/adapters/sqlite/folder-lock.ts'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../../platform/adapters/sqlite/metadata/open.ts'
import { openAuthority } from '../../../platform/adapters/x509/authority.ts'
import type { NewRecord } from '../../../platform/ports/event-log.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { encodeEnvelope } from '../../../schemas/envelope.ts'
import { REJECTION_HEADERS } from '../../../schemas/rejection.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../../schemas/topics.ts'

const DAY_MS = 86_400_000
const [, , folder = ''] = process.argv

const stop = (error: Error): never => {
  throw error
}
lockFolder(folder)
const authority = await openAuthority({ folder })
const metadata = await openSqliteMetadata({ folder, onDeath: stop })
const topics = [
  { name: READINGS_TOPIC, partitions: 2, retentionMs: DAY_MS },
  { name: REJECTED_TOPIC, partitions: 1, retentionMs: DAY_MS },
]
const log = await openSqliteLog({ folder, topics, bytesMax: 0, lingerMs: 0, retentionEveryMs: DAY_MS, onDeath: stop })
await log.append([readingOf(1), rejected()])
const operations = createOperations({ metadata, authority, log, clock: Date.now })
const quiet = createLogger({ level: 'silent', part: 'admin', isPretty: false })
const admin = await startAdmin({ socketPath: adminSocketPath(folder), operations, log: quiet })
process.stdout.write('ready\n')

// Each line is a value to append; `stop` ends the process as a signal would.
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'stop') break
  await log.append([readingOf(Number(line))])
}
await admin.stop()
process.exit(0)

function readingOf(value: number): NewRecord {
  const readings = [{ sensor: 'press-1', ts: 1_764_000_000_000, values: { power_w: value } }]
  const payload = Buffer.from(JSON.stringify({ readings }))
  const envelope = encodeEnvelope({ codec: 'json', receivedMs: Date.now(), traceparent: '', payload })
  return { topic: READINGS_TOPIC, key: 'acme/gw-1', value: envelope }
}

function rejected(): NewRecord {
  const headers = {
    [REJECTION_HEADERS.reason]: 'payload.not-json',
    [REJECTION_HEADERS.pointer]: '',
    [REJECTION_HEADERS.stage]: 'ingest',
    // What a gateway sent may try to steer the terminal.
    [REJECTION_HEADERS.message]: 'Unexpected token \u001b[2J at 0',
  }
  return { topic: REJECTED_TOPIC, key: 'acme/gw-1', value: Buffer.from('not json'), headers }
}
