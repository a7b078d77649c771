import { type IncomingMessage, request } from 'node:http'
import { fromErrorMessage, MillraceError } from '../../platform/runtime/errors.ts'
import { compile } from '../../schemas/compile.ts'
import { type Problem, problemSchema } from './problem.ts'
import { withSocketPath } from './socket-path.ts'

const ANSWER_BYTES_MAX = 64 * 1_048_576

export interface SocketRequest {
  readonly socketPath: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  /** How long the answer's head may take, and each pause within the answer. */
  readonly timeoutMs: number
}

const isProblem = compile<Pick<Problem, 'code' | 'detail'> & Partial<Pick<Problem, 'details'>>>(problemSchema)

/**
 * Asks the running process; resolves with a response of status 200.
 *
 * @returns undefined when nothing runs: there is no socket, or nobody listens on it.
 * @throws {MillraceError} what the process threw; `admin.unavailable` when it hangs, or when it belongs to somebody else.
 */
export async function ask(options: SocketRequest, signal?: AbortSignal): Promise<IncomingMessage | undefined> {
  const response = await send(options, signal)
  if (response === undefined || response.statusCode === 200) return response
  const body: unknown = await readJson(response)
  if (isProblem(body))
    throw fromErrorMessage({ code: body.code, message: body.detail, details: body.details ?? {} }, 'admin.unavailable')
  throw new MillraceError(
    'admin.unavailable',
    `The process at ${options.socketPath} answers with status ${response.statusCode}: it is no Millrace.`,
  )
}

export async function readJson(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    size += chunk.length
    if (size > ANSWER_BYTES_MAX) throw new MillraceError('admin.unavailable', 'The answer of the running Millrace is too large.')
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch (cause) {
    throw new MillraceError('admin.unavailable', 'The answer of the running Millrace is not JSON.', { cause })
  }
}

async function send(options: SocketRequest, signal?: AbortSignal): Promise<IncomingMessage | undefined> {
  try {
    return await withSocketPath(options.socketPath, (socketPath) => exchange({ ...options, socketPath }, signal))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ECONNREFUSED')) return undefined
    throw explain(error, options.socketPath)
  }
}

const hasCode = (error: Error, code: string): boolean => 'code' in error && error.code === code

/** Resolves with the head of the response; by then the path has been used and isn't needed any more. */
function exchange({ socketPath, method, path, body, timeoutMs }: SocketRequest, signal?: AbortSignal) {
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  return new Promise<IncomingMessage>((resolve, reject) => {
    const target = { socketPath, method, path, headers, agent: false, timeout: timeoutMs }
    const outgoing = request(signal === undefined ? target : { ...target, signal }, resolve)
    outgoing.once('timeout', () => outgoing.destroy(hanging(timeoutMs)))
    outgoing.once('error', reject)
    outgoing.end(text)
  })
}

/** Every way in which the other end of the socket can fail, as one error that says what to do. */
export function explain(error: NodeJS.ErrnoException, socketPath: string): Error {
  if (error instanceof MillraceError || error.name === 'AbortError') return error
  const advice =
    error.code === 'EACCES' || error.code === 'EPERM'
      ? 'It belongs to another user: run this command as the user that runs Millrace.'
      : 'It may have ended in the middle: run the command again.'
  return new MillraceError(
    'admin.unavailable',
    `The running Millrace can't be reached at ${socketPath} (${error.message}). ${advice}`,
    {
      cause: error,
    },
  )
}

function hanging(timeoutMs: number): MillraceError {
  const what = `A Millrace runs on this data folder, but gave no answer within ${timeoutMs / 1_000} s.`
  return new MillraceError(
    'admin.unavailable',
    `${what} It hangs or is overloaded: see its log, and restart it if it doesn't recover.`,
  )
}
