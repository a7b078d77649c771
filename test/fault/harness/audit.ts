import { checkLog } from '../check/check-log.ts'
import { createReadingsCheck, expectReadings } from '../check/check-readings.ts'
import { checkRejected, type ListedRejection } from '../check/check-rejected.ts'
import type { Violation } from '../check/violation.ts'
import { readLedger } from './ledger.ts'
import { type ApiOptions, readOriginal, readRejections, readRows } from './read-api.ts'
import { checkIntegrity, readLag, readLog, visitStoredRows } from './read-stores.ts'
import { until } from './until.ts'

export interface AuditOptions {
  readonly ledgerPath: string
  readonly dataFolder: string
  readonly apiUrl: string
  /** Token by tenant. */
  readonly tokens: ReadonlyMap<string, string>
}

export interface Audit {
  readonly violations: readonly Violation[]
  readonly messages: { readonly acknowledged: number; readonly refused: number; readonly unknown: number }
  /** Readings of acknowledged messages. */
  readonly readingsOwed: number
  readonly readingsInApi: number
  readonly readingsInStore: number
  readonly rejectionsListed: number
  /** Messages that the event log holds more than once: sent again because their acknowledgement was cut off. */
  readonly repeatedInLog: number
}

const CATCH_UP_MS_MAX = 60_000
const ORIGINALS_ASKED_MAX = 20

/** Holds all that a running product shows, and all that lies in its stores, against the ledger. Nothing may be sent meanwhile. */
export async function audit({ ledgerPath, dataFolder, apiUrl, tokens }: AuditOptions): Promise<Audit> {
  await until('everything in the event log is stored', CATCH_UP_MS_MAX, () => (readLag(dataFolder) === 0 ? true : undefined))
  const ledger = await readLedger(ledgerPath)
  const expected = expectReadings(ledger)

  const inApi = createReadingsCheck('api', expected)
  const listed: ListedRejection[] = []
  const originals: Violation[] = []
  const log = checkLog(ledger, await readLog(dataFolder))
  for (const [tenant, token] of tokens) {
    const api: ApiOptions = { apiUrl, tenant, token }
    for await (const row of readRows(api)) inApi.see(row)
    const own = await readRejections(api)
    listed.push(...own)
    originals.push(...(await checkOriginals(api, own, log.rejectedAt)))
  }
  const inStore = createReadingsCheck('store', expected)
  visitStoredRows(dataFolder, inStore.see)

  const count = (outcome: string): number => ledger.filter((message) => message.outcome === outcome).length
  return {
    violations: [
      ...inApi.finish(),
      ...inStore.finish(),
      ...log.violations,
      ...checkRejected(ledger, log.rejectedAt, listed),
      ...originals,
      ...checkIntegrity(dataFolder),
    ],
    messages: { acknowledged: count('acknowledged'), refused: count('refused'), unknown: count('unknown') },
    readingsOwed: [...expected.values()].filter(({ isOwed }) => isOwed).length,
    readingsInApi: inApi.count(),
    readingsInStore: inStore.count(),
    rejectionsListed: listed.length,
    repeatedInLog: log.repeated,
  }
}

/** A few of the refused messages are fetched one by one: their bytes must be those that were sent. */
async function checkOriginals(
  api: ApiOptions,
  listed: readonly ListedRejection[],
  rejectedAt: ReadonlyMap<string, { readonly payload: string }>,
): Promise<readonly Violation[]> {
  const violations: Violation[] = []
  const step = Math.max(1, Math.floor(listed.length / ORIGINALS_ASKED_MAX))
  for (let index = 0; index < listed.length; index += step) {
    const { id = '' } = listed[index] ?? {}
    const [, partition, offset] = id.split('-')
    const sent = rejectedAt.get(`${partition}-${offset}`)?.payload
    const original = await readOriginal(api, id)
    if (sent !== original) violations.push({ kind: 'altered', where: 'rejected', detail: `${id} holds ${original}, not ${sent}` })
  }
  return violations
}
