import type { IncomingMessage } from 'node:http'
import { fromErrorMessage, MillraceError } from '../../platform/runtime/errors.ts'
import { compile } from '../../schemas/compile.ts'
import { type Operations, operationsByName } from '../operations/operations.ts'
import type { TailParameters } from '../operations/tail.ts'
import { type TailEntry, tailEntrySchema } from '../operations/tail-entry.ts'
import { type Greeting, greetingSchema, type ProcessDescription, processSchema } from './process-description.ts'
import { ask, explain, readJson } from './socket-request.ts'
import { HEARTBEAT_EVERY_MS } from './tail-stream.ts'

/** Listing a thousand gateways takes milliseconds; what takes this long hangs. */
const CALL_TIMEOUT_MS = 15_000
const HELLO_TIMEOUT_MS = 5_000
const SILENCE_TIMEOUT_MS = 5 * HEARTBEAT_EVERY_MS
const LINE_CHARACTERS_MAX = 4 * 1_048_576

export interface AdminTimeouts {
  readonly helloMs?: number
  readonly callMs?: number
  /** Longest pause within a tail; the process sends a sign of life every 2 s. */
  readonly silenceMs?: number
}

export interface AdminClient extends Operations {
  /** @throws {MillraceError} `admin.unavailable`. */
  describe(): Promise<ProcessDescription>
}

const isGreeting = compile<Greeting>(greetingSchema)
const isDescription = compile<ProcessDescription>(processSchema)
const isEntry = compile<TailEntry>(tailEntrySchema)
const isFailure = compile<{ error: { code: string; message: string } }>({
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: { code: { type: 'string' }, message: { type: 'string' } },
    },
  },
})

/**
 * Reaches the process that runs on a data folder.
 *
 * @returns undefined when nothing runs there.
 * @throws {MillraceError} `admin.unavailable` when something runs but doesn't answer, or belongs to another user.
 */
export async function connectAdmin(socketPath: string, timeouts: AdminTimeouts = {}): Promise<AdminClient | undefined> {
  const { helloMs = HELLO_TIMEOUT_MS, callMs = CALL_TIMEOUT_MS, silenceMs = SILENCE_TIMEOUT_MS } = timeouts
  const hello = await ask({ socketPath, method: 'GET', path: '/hello', timeoutMs: helloMs })
  if (hello === undefined) return undefined
  demandKnown(isGreeting, await readJson(hello))

  return {
    async describe() {
      const response = await ask({ socketPath, method: 'GET', path: '/process', timeoutMs: callMs })
      return demandKnown(isDescription, await readJson(demand(response, socketPath)))
    },
    async call(name, body) {
      const response = await ask({ socketPath, method: 'POST', path: `/operations/${name}`, body, timeoutMs: callMs })
      return operationsByName[name].readResult(await readJson(demand(response, socketPath)))
    },
    tail: (parameters, signal) => tailFrom({ socketPath, silenceMs }, parameters, signal),
  }
}

function demandKnown<T>(isKnown: (body: unknown) => body is T, body: unknown): T {
  if (isKnown(body)) return body
  throw new MillraceError('admin.unavailable', 'The running Millrace is of another version. Restart it.')
}

function demand(response: IncomingMessage | undefined, socketPath: string): IncomingMessage {
  if (response !== undefined) return response
  throw new MillraceError('admin.unavailable', `The Millrace at ${socketPath} has just ended. Run the command again.`)
}

interface TailSource {
  readonly socketPath: string
  readonly silenceMs: number
}

async function* tailFrom(
  { socketPath, silenceMs }: TailSource,
  body: TailParameters,
  signal: AbortSignal,
): AsyncGenerator<TailEntry> {
  try {
    const asked = await ask({ socketPath, method: 'POST', path: '/tail', body, timeoutMs: silenceMs }, signal)
    for await (const line of linesOf(demand(asked, socketPath))) {
      if (line !== '') yield readEntry(line)
    }
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof Error ? explain(error, socketPath) : error
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_CHARACTERS_MAX)
      throw new MillraceError('admin.unavailable', 'A line of the running Millrace is too long.')
    yield* lines
  }
}

function readEntry(line: string): TailEntry {
  const entry: unknown = JSON.parse(line)
  if (isEntry(entry)) return entry
  if (isFailure(entry)) throw fromErrorMessage({ ...entry.error, details: {} }, 'event-log.unavailable')
  throw new MillraceError('admin.unavailable', "The running Millrace sent a line that this version doesn't know. Restart it.")
}
