import { openKafkaLog } from '../../../platform/adapters/kafka/open.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { LOG_TOPICS } from '../../../schemas/topics.ts'
import { checkLog } from '../check/check-log.ts'
import { createReadingsCheck, expectReadings } from '../check/check-readings.ts'
import { checkRejected, type ListedRejection } from '../check/check-rejected.ts'
import type { Violation } from '../check/violation.ts'
import { readLedger } from '../harness/ledger.ts'
import { readRejections, readRows } from '../harness/read-api.ts'
import { readAllMessages } from '../harness/read-stores.ts'
import { until } from '../harness/until.ts'
import type { Cluster } from './cluster.ts'
import { readOffsets, readPoints } from './read-servers.ts'
import type { Servers } from './servers.ts'

export interface ScaleAudit {
  readonly violations: readonly Violation[]
  readonly messages: { readonly acknowledged: number; readonly unknown: number }
  readonly readingsOwed: number
  readonly readingsInApi: number
  readonly readingsInInflux: number
  readonly rejectionsListed: number
  readonly repeatedInLog: number
}

const CATCH_UP_MS_MAX = 180_000
const BUCKET = 'readings'
const log = createLogger({ level: 'silent', part: 'audit', isPretty: false })

/** Holds what the API shows, what lies in InfluxDB and what lies in Kafka against the ledger. Nothing may be sent meanwhile. */
export async function auditScale({
  cluster,
  servers,
  ledgerPath,
  tokens,
}: {
  readonly cluster: Cluster
  readonly servers: Servers
  readonly ledgerPath: string
  readonly tokens: ReadonlyMap<string, string>
}): Promise<ScaleAudit> {
  const { brokers } = servers.kafka
  const isCaughtUp = async () => (await readOffsets(brokers)).every(({ committed, end }) => committed === end)
  await until('everything in Kafka is stored', CATCH_UP_MS_MAX, async () => ((await isCaughtUp()) ? true : undefined))
  const ledger = await readLedger(ledgerPath)
  const expected = expectReadings(ledger)

  const kafka = await openKafkaLog({
    brokers: [brokers],
    clientId: 'checker',
    topicPrefix: '',
    topics: LOG_TOPICS,
    lingerMs: 0,
    compression: 'none',
    log,
  })
  const checked = checkLog(ledger, await readAllMessages(kafka).finally(kafka.close))
  const inApi = createReadingsCheck('api', expected)
  const listed: ListedRejection[] = []
  for (const [tenant, token] of tokens) {
    const api = { apiUrl: cluster.apiUrl, tenant, token }
    for await (const row of readRows(api)) inApi.see(row)
    listed.push(...(await readRejections(api)))
  }
  const inInflux = createReadingsCheck('store', expected)
  for (const row of await readPoints(servers, BUCKET)) inInflux.see(row)
  const count = (outcome: string): number => ledger.filter((message) => message.outcome === outcome).length
  return {
    violations: [
      ...inApi.finish(),
      ...inInflux.finish(),
      ...checked.violations,
      ...checkRejected(ledger, checked.rejectedAt, listed),
    ],
    messages: { acknowledged: count('acknowledged'), unknown: count('unknown') },
    readingsOwed: [...expected.values()].filter(({ isOwed }) => isOwed).length,
    readingsInApi: inApi.count(),
    readingsInInflux: inInflux.count(),
    rejectionsListed: listed.length,
    repeatedInLog: checked.repeated,
  }
}
