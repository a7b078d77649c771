import type { SeenRow } from '../check/check-readings.ts'
import type { ListedRejection } from '../check/check-rejected.ts'

/** One tenant's view of the public API. */
export interface ApiOptions {
  readonly apiUrl: string
  readonly tenant: string
  /** With the scopes `read` and `diagnose`. */
  readonly token: string
}

const READINGS_PER_PAGE = 10_000
const ITEMS_PER_PAGE = 500
/** Later than anything that the load sends. */
const END_OF_TIME = '2100-01-01T00:00:00Z'

interface Paged {
  readonly next: string | null
}

/** Every row of every sensor that the API shows to the tenant. */
export async function* readRows(api: ApiOptions): AsyncGenerator<SeenRow> {
  for await (const { sensors } of pages<Paged & { readonly sensors: readonly { readonly sensor: string }[] }>(
    api,
    `/v1/sensors?limit=${ITEMS_PER_PAGE}`,
  )) {
    for (const { sensor } of sensors) yield* readSensor(api, sensor)
  }
}

/** Every row of one sensor. */
export async function* readSensor(api: ApiOptions, sensor: string): AsyncGenerator<SeenRow> {
  const path = `/v1/sensors/${sensor}/readings?from=0&to=${END_OF_TIME}&limit=${READINGS_PER_PAGE}`
  type Row = { readonly ts: string; readonly seq?: number } & Readonly<Record<string, unknown>>
  for await (const { readings } of pages<Paged & { readonly readings: readonly Row[] }>(api, path)) {
    for (const { ts, seq, ...rest } of readings) {
      const values = Object.entries(rest).flatMap(([metric, value]) =>
        typeof value === 'number' ? [[metric, value] as const] : [],
      )
      yield { tenant: api.tenant, sensor, timestampMs: Date.parse(ts), sequence: seq, values: new Map(values) }
    }
  }
}

/** Everything in the tenant's list of what was refused. */
export async function readRejections(api: ApiOptions): Promise<readonly ListedRejection[]> {
  const listed: ListedRejection[] = []
  for await (const { rejected } of pages<Paged & { readonly rejected: readonly ListedRejection[] }>(
    api,
    `/v1/rejected?limit=${ITEMS_PER_PAGE}&to=${END_OF_TIME}`,
  )) {
    for (const { id, gateway, reason, pointer } of rejected) listed.push({ tenant: api.tenant, id, gateway, reason, pointer })
  }
  return listed
}

/** The bytes of a refused message, as the API gives them back. */
export async function readOriginal(api: ApiOptions, id: string): Promise<string> {
  const { original } = await ask<{ readonly original: { readonly base64?: string } }>(api, `/v1/rejected/${id}`)
  return Buffer.from(original.base64 ?? '', 'base64').toString('utf8')
}

async function* pages<T extends Paged>(api: ApiOptions, path: string): AsyncGenerator<T> {
  for (let next: string | null | undefined; next !== null; ) {
    const page: T = await ask<T>(api, next === undefined ? path : `${path}&cursor=${next}`)
    yield page
    next = page.next
  }
}

async function ask<T>({ apiUrl, token }: ApiOptions, path: string): Promise<T> {
  const response = await fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } })
  const text = await response.text()
  if (!response.ok) throw new Error(`GET ${path} gave ${response.status}: ${text}`)
  const body: T = JSON.parse(text)
  return body
}
