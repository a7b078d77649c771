// A program for strace: the real listener on a plain loopback socket, so that its acknowledgements can be read in the trace, on an
// event log that keeps its promise or, to show that the test can fail, on one that doesn't.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Registry } from 'prom-client'
import { startListener, type Transport } from '../../../ingest/listener.ts'
import { createIngestMetrics } from '../../../ingest/metrics.ts'
import type { Policy } from '../../../ingest/policy.ts'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import type { EventLogWriter } from '../../../platform/ports/event-log.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { READINGS_TOPIC } from '../../../schemas/topics.ts'

const DAY_MS = 86_400_000
const [, , folder = '', mode = 'real'] = process.argv

type Append = Pick<EventLogWriter, 'append'>

/** The product's own. */
async function openReal(): Promise<Append> {
  return openSqliteLog({
    folder,
    topics: [{ name: READINGS_TOPIC, partitions: 2, retentionMs: DAY_MS }],
    bytesMax: 0,
    lingerMs: 2,
    retentionEveryMs: DAY_MS,
    onDeath() {
      process.exit(69)
    },
  })
}

/** Writes, but never syncs: what a power cut takes has been acknowledged. */
function openUnsynced(): Append {
  const database = new DatabaseSync(join(folder, 'log.sqlite'))
  database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE record (value BLOB)')
  const insert = database.prepare('INSERT INTO record VALUES (?)')
  return {
    async append(records) {
      for (const { value } of records) insert.run(value)
    },
  }
}

/** Syncs, but doesn't wait for it. */
function hasten(log: Append): Append {
  return {
    async append(records) {
      void log.append(records)
    },
  }
}

const log = mode === 'unsynced' ? openUnsynced() : mode === 'hasty' ? hasten(await openReal()) : await openReal()

/** Everybody may come in; what they publish is appended as it is. */
const policy: Policy = {
  async admit(_peer, { clientId }) {
    return {
      isAdmitted: true,
      isConsumed: true,
      clientId,
      refusePublish: () => undefined,
      maySubscribe: () => false,
      consume(payload, done) {
        log.append([{ topic: READINGS_TOPIC, key: `acme/${clientId}`, value: payload }]).then(() => done(), done)
      },
      opened: () => undefined,
      closed: () => undefined,
    }
  },
}

const transport: Transport = {
  listen(onConnection) {
    const server = createServer({ noDelay: true }, (socket) => onConnection(socket, { address: socket.remoteAddress ?? '' }))
    return new Promise((resolve) => {
      server.listen({ host: '127.0.0.1', port: 0 }, () => {
        const address = server.address()
        const port = typeof address === 'object' && address !== null ? address.port : 0
        resolve({ port, stop: () => new Promise((stopped) => server.close(() => stopped())) })
      })
    })
  },
}

const perConnection = { messagesMax: 1_000, bytesMax: 4_194_304 }
const listener = await startListener({
  transport,
  policy,
  limits: {
    packetBytesMax: 65_536,
    connectBytesMax: 4_096,
    connectTimeoutMs: 10_000,
    packetTimeoutMs: 10_000,
    keepAliveMaxSeconds: 60,
    perConnection,
    inAll: perConnection,
  },
  metrics: createIngestMetrics(new Registry()),
  log: createLogger({ level: 'warn', part: 'listener', isPretty: false }),
})
process.on('SIGTERM', () => process.exit(0))
process.stdout.write(`${JSON.stringify({ port: listener.port, pid: process.pid })}\n`)
