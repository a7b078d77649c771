import { createHash, randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { openSqliteLog } from '../../platform/adapters/sqlite/log/open.ts'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter } from '../../platform/adapters/sqlite/series/open-writer.ts'
import type { Token } from '../../platform/ports/metadata.ts'
import type { Point } from '../../platform/ports/time-series.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { createProcessRegistry } from '../../platform/runtime/metrics-registry.ts'
import type { QueryApiSettings, QueryApiStores } from '../../query-api/app.ts'
import { type QueryApiConfig, queryApiConfig } from '../../query-api/config.ts'
import { startQueryApi } from '../../query-api/service.ts'
import { compileForText } from '../../schemas/compile.ts'
import { LOG_TOPICS } from '../../schemas/topics.ts'

/** The moment at which every test of the API takes place. */
export const NOW_MS = Date.UTC(2025, 10, 24, 17)
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export type World = Awaited<ReturnType<typeof createWorld>>

/** The embedded stores in a folder of their own, for as long as the test lasts. */
async function openStores(t: Test) {
  const folder = t.testdir()
  const onDeath = (error: Error): void => {
    t.fail(error.message)
  }
  const topics = LOG_TOPICS.map((name) => ({ name, partitions: 2, retentionMs: DAY_MS }))
  const eventLog = await openSqliteLog({ folder, topics, bytesMax: 0, lingerMs: 0, retentionEveryMs: HOUR_MS, onDeath })
  const metadata = await openSqliteMetadata({ folder, onDeath })
  const writer = openSeriesWriter({ folder })
  const reader = await openSeriesReader({ folder, onDeath })
  t.teardown(async () => {
    await reader.close()
    writer.close()
    await metadata.close()
    await eventLog.close()
  })
  const stores: QueryApiStores = { series: reader, rejections: reader, metadata, eventLog }
  return { folder, eventLog, metadata, writer, stores }
}

/** The stores of two tenants, `acme` and `rival`, each with a gateway, a sensor and its readings of an hour ago. */
export async function createWorld(t: Test) {
  const { folder, eventLog, metadata, writer, stores } = await openStores(t)
  const { signal } = new AbortController()

  async function addTenant(id: string): Promise<void> {
    await metadata.addTenant({ id, name: id, createdMs: 0 })
    const certificate = { fingerprint: sha256(id), serial: '01', notBeforeMs: 0, notAfterMs: NOW_MS + DAY_MS }
    await metadata.enrolGateway({ tenant: id, id: 'gw-1', enrolledMs: NOW_MS - DAY_MS, certificate })
  }

  async function addSensor(tenant: string, id: string, gateway = 'gw-1'): Promise<void> {
    await metadata.recordSensors([{ tenant, id, gateway, firstSeenMs: NOW_MS - DAY_MS }])
  }

  async function addToken(tenant: string, change: Partial<Token> = {}): Promise<string> {
    const secret = `mlr_${randomBytes(32).toString('base64url')}`
    const id = `tok-${randomBytes(6).toString('hex')}`
    const token: Token = {
      id,
      tenant,
      scopes: ['read', 'diagnose'],
      label: '',
      createdMs: 0,
      expiresMs: NOW_MS + DAY_MS,
      ...change,
    }
    await metadata.addToken(token, sha256(secret))
    return secret
  }

  async function write(tenant: string, points: readonly NewPoint[]) {
    const whole = points.map((point) => ({ tenant, receivedMs: point.timestampMs + 20, timeSource: 'device' as const, ...point }))
    return writer.write(whole, signal)
  }

  const values = new Map([
    ['power_w', 1234.5],
    ['energy_wh', 998_877],
  ])
  for (const [tenant, sensor] of [
    ['acme', 'press-1'],
    ['rival', 'secret-oven'],
  ] as const) {
    await addTenant(tenant)
    await addSensor(tenant, sensor)
    await write(tenant, [{ sensor, timestampMs: NOW_MS - HOUR_MS, values }])
  }
  return { folder, stores, metadata, eventLog, writer, addTenant, addSensor, addToken, write }
}

type NewPoint = Pick<Point, 'sensor' | 'timestampMs' | 'values'> & Partial<Point>

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** The configuration as the process would have it. */
export function configOf(environment: Readonly<Record<string, string>> = {}): QueryApiConfig {
  const candidate: unknown = { MILLRACE_HTTP_PORT: '0', ...environment }
  const isConfig = compileForText<QueryApiConfig>(queryApiConfig)
  if (isConfig(candidate)) return candidate
  throw new Error(JSON.stringify(isConfig.errors))
}

export function settingsOf(change: Partial<QueryApiSettings> = {}): QueryApiSettings {
  return {
    config: configOf({
      MILLRACE_HTTP_TOKEN_REQUESTS_PER_MINUTE: '100000',
      MILLRACE_HTTP_ADDRESS_REQUESTS_PER_MINUTE: '100000',
    }),
    version: '0.0.0-test',
    checks: {},
    clock: () => NOW_MS,
    log: createLogger({ level: 'fatal', part: 'query-api', isPretty: false }),
    registry: createProcessRegistry(),
    ...change,
  }
}

/** Starts the API on a free port of the loopback address, for as long as the test lasts. */
export async function startApi(t: Test, stores: QueryApiStores, change: Partial<QueryApiSettings> = {}) {
  const api = await startQueryApi(stores, settingsOf(change))
  t.teardown(() => api.stop())

  async function get(path: string, { token, headers = {}, method = 'GET' }: AskOptions = {}): Promise<Answer> {
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await fetch(`${api.url}${path}`, { method, redirect: 'manual', headers: { ...authorization, ...headers } })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== ''
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }
  return { ...api, get }
}

export interface AskOptions {
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined where the answer isn't JSON. */
  readonly body: Body | undefined
}

/** JSON that a test looks into. */
export type Body = Readonly<Record<string, unknown>>
