import { open, readFile } from 'node:fs/promises'
import type { GatewayName } from '../../../schemas/topics.ts'
import type { PlannedMessage } from './message.ts'

/**
 * What became of a message, as far as its gateway knows. Acknowledged: it must be there. Refused: it must not be there.
 * Unknown: the connection ended first, so it may be there, but then whole.
 */
export type Outcome = 'acknowledged' | 'refused' | 'unknown'

export interface LedgerMessage extends GatewayName, PlannedMessage {
  /** Published where this gateway may not publish. */
  readonly isForbidden: boolean
  readonly outcome: Outcome
}

/** The account of all that was sent, kept outside of the process that is killed. */
export interface Ledger {
  /** Resolves when the entry would survive a power cut: only then may the message be sent. Resolves in the order of the calls. */
  sending(message: Omit<LedgerMessage, 'outcome'>): Promise<void>
  /** Notes how it ended; needs no waiting for. */
  ended(message: GatewayName & { readonly n: number }, outcome: 'acknowledged' | 'refused'): void
  close(): Promise<void>
}

interface Waiting {
  resolve(): void
  reject(error: unknown): void
}

/** Entries that come while one flush is under way share the next one. */
export async function openLedger(path: string): Promise<Ledger> {
  const file = await open(path, 'ax')
  let lines: string[] = []
  let waiting: Waiting[] = []
  let flushing: Promise<void> | undefined

  async function flush(): Promise<void> {
    while (lines.length > 0) {
      const text = lines.join('')
      const served = waiting
      lines = []
      waiting = []
      try {
        await file.appendFile(text)
        await file.datasync()
        for (const { resolve } of served) resolve()
      } catch (error) {
        for (const { reject } of served) reject(error)
      }
    }
    flushing = undefined
  }

  function write(entry: object): void {
    lines.push(`${JSON.stringify(entry)}\n`)
    flushing ??= Promise.resolve().then(flush)
  }

  return {
    sending(message) {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        write({ ...message, outcome: 'unknown' } satisfies LedgerMessage)
      })
    },
    ended: ({ tenant, gateway, n }, outcome) => write({ tenant, gateway, n, outcome }),
    async close() {
      await flushing
      await file.close()
    },
  }
}

/** Reads a ledger back, from its file alone. Messages come in the order in which they were first sent. */
export async function readLedger(path: string): Promise<readonly LedgerMessage[]> {
  const messages = new Map<string, LedgerMessage>()
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    if (line === '') continue
    const entry: LedgerMessage | Pick<LedgerMessage, 'tenant' | 'gateway' | 'n' | 'outcome'> = JSON.parse(line)
    const key = `${entry.tenant}/${entry.gateway}/${entry.n}`
    if ('payload' in entry) messages.set(key, entry)
    else {
      const sent = messages.get(key)
      if (sent === undefined) throw new Error(`The ledger knows how ${key} ended, but not that it was sent.`)
      messages.set(key, { ...sent, outcome: entry.outcome })
    }
  }
  return [...messages.values()]
}
