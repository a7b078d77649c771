import type { Place } from './draft.ts'

export interface ApiAccess {
  readonly apiUrl: string
  readonly token: string
}

export interface RejectedMessage {
  /** Of the first fault, for its original bytes. */
  readonly id: string
  readonly places: readonly (readonly [reason: string, pointer: string])[]
}

interface Entry {
  readonly id: string
  readonly stage: string
  readonly reason: string
  readonly pointer: string
  readonly detail: string
}

const ITEMS_PER_PAGE = 500

/** What ingest refused, message by message in the order of the event log, from `GET /v1/rejected`. */
export async function readRejected(api: ApiAccess): Promise<readonly RejectedMessage[]> {
  const entries: (Entry & { readonly offset: number; readonly fault: number })[] = []
  const to = new Date(Date.now() + 60_000).toISOString()
  for (let next: string | null | undefined; next !== null; ) {
    const cursor = next === undefined ? '' : `&cursor=${next}`
    const page = await ask<{ readonly rejected: readonly Entry[]; readonly next: string | null }>(
      api,
      `/v1/rejected?to=${to}&limit=${ITEMS_PER_PAGE}${cursor}`,
    )
    for (const entry of page.rejected) {
      // time-partition-offset-fault
      const [, , offset, fault] = entry.id.split('-').map(Number)
      if (entry.stage === 'ingest') entries.push({ ...entry, offset: offset ?? 0, fault: fault ?? 0 })
    }
    next = page.next
  }
  const byOffset = Map.groupBy(entries, ({ offset }) => offset)
  return [...byOffset]
    .toSorted(([left], [right]) => left - right)
    .map(([, faults]) => {
      const inOrder = faults.toSorted((left, right) => left.fault - right.fault)
      return {
        id: inOrder[0]?.id ?? '',
        places: inOrder.map(({ reason, pointer }): readonly [string, string] => [reason, pointer]),
      }
    })
}

/** The bytes of a refused message, as the API gives them back. */
export async function readOriginal(api: ApiAccess, id: string): Promise<Buffer> {
  const { original } = await ask<{ readonly original: { readonly base64?: string } }>(api, `/v1/rejected/${id}`)
  return Buffer.from(original.base64 ?? '', 'base64')
}

export const samePlaces = (left: RejectedMessage['places'], right: readonly Place[]): boolean =>
  JSON.stringify(left) === JSON.stringify(right)

async function ask<T>({ apiUrl, token }: ApiAccess, path: string): Promise<T> {
  const response = await fetch(`${apiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } })
  if (!response.ok) throw new Error(`GET ${path} gave ${response.status}: ${await response.text()}`)
  const body: T = await response.json().then((value) => Object(value))
  return body
}
