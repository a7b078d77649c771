import { type FastifyError, type FastifyInstance, fastify } from 'fastify'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { isOperationName, type OperationName, type Operations, operationsByName } from '../operations/operations.ts'
import { readTailParameters } from '../operations/tail.ts'
import { VERSION } from '../output/version.ts'
import { toProblem } from './problem.ts'
import { clockStepMs, type DescribeParts, type Greeting, type ProcessDescription } from './process-description.ts'
import { claimSocket } from './socket-path.ts'
import { toNdjson } from './tail-stream.ts'

const BODY_BYTES_MAX = 65_536
const CONNECTIONS_MAX = 64
const TAILS_MAX = 16
const REQUEST_TIMEOUT_MS = 10_000
const STOP_GRACE_MS = 2_000

export interface AdminOptions {
  readonly socketPath: string
  readonly operations: Operations
  readonly log: Logger
  /** What `GET /process` says of listeners and dependencies; none when left out. */
  readonly describe?: DescribeParts
}

/**
 * Serves the operator's hand to the CLI: HTTP on a unix socket of mode 0600, so that the file's rights are the only key.
 *
 * `GET /hello` answers at once, `GET /process` describes the process, `POST /operations/{name}` runs one operation, `POST /tail` streams NDJSON.
 *
 * @throws {MillraceError} `listener.unavailable` when another process answers on the socket, `config.invalid` when it can't be made.
 */
export async function startAdmin({ socketPath, operations, log, describe }: AdminOptions): Promise<Running> {
  const stopping = new AbortController()
  const app = fastify({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
  })
  app.server.maxConnections = CONNECTIONS_MAX
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const known =
      error.statusCode !== undefined && error.statusCode < 500 ? new MillraceError('usage.invalid', error.message) : error
    if (!(known instanceof MillraceError)) log.error({ err: error }, 'Operation failed.')
    const problem = toProblem(known)
    return reply.code(problem.status).type('application/problem+json').send(problem)
  })
  app.setNotFoundHandler((request) => {
    throw new MillraceError(
      'usage.invalid',
      `The running Millrace (${VERSION}) has no ${request.method} ${request.url}. Restart it after an upgrade.`,
    )
  })
  serveProcess(app, describe)
  serveOperations(app, operations, log)
  serveTail(app, operations, stopping.signal)

  const socket = await claimSocket(socketPath, (path) => app.listen({ path }))
  return {
    name: 'admin',
    async stop() {
      stopping.abort()
      await socket.release()
      const impatience = setTimeout(() => app.server.closeAllConnections(), STOP_GRACE_MS)
      await app.close()
      clearTimeout(impatience)
    },
  }
}

function serveProcess(app: FastifyInstance, describe: DescribeParts = async () => ({ listeners: [], checks: [] })): void {
  const startedAt = new Date().toISOString()
  // A greeting waits for nothing, so that a dependency that hangs isn't taken for a process that does.
  app.get('/hello', async (): Promise<Greeting> => ({ pid: process.pid, version: VERSION }))
  app.get('/process', async (): Promise<ProcessDescription> => {
    return { pid: process.pid, version: VERSION, startedAt, clockStepMs: clockStepMs(), ...(await describe()) }
  })
}

function serveOperations(app: FastifyInstance, operations: Operations, log: Logger): void {
  app.post<{ Params: { name: string } }>('/operations/:name', async (request) => {
    const { name } = request.params
    if (!isOperationName(name)) {
      throw new MillraceError(
        'usage.invalid',
        `The running Millrace (${VERSION}) has no operation ${name}. Restart it after an upgrade.`,
      )
    }
    const result = await perform(operations, name, request.body)
    const isRead = name.endsWith('.list') || name.endsWith('.inspect')
    log[isRead ? 'debug' : 'info']({ operation: name, ...namesIn(request.body) }, 'Operation done.')
    return result
  })
}

function perform<N extends OperationName>(operations: Operations, name: N, body: unknown) {
  return operations.call(name, operationsByName[name].readParameters(body))
}

/** Only ids: labels and customers' names don't belong into a log. */
function namesIn(body: unknown): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(body ?? {}).filter(([key]) => ['tenant', 'gateway', 'id'].includes(key)))
}

function serveTail(app: FastifyInstance, operations: Operations, stopping: AbortSignal): void {
  let tails = 0
  app.post('/tail', async (request, reply) => {
    const parameters = readTailParameters(request.body)
    if (tails >= TAILS_MAX)
      throw new MillraceError('admin.unavailable', `${TAILS_MAX} tails are open already. End one of them first.`)
    tails += 1
    const hungUp = new AbortController()
    reply.raw.once('close', () => {
      tails -= 1
      hungUp.abort()
    })
    const entries = operations.tail(parameters, AbortSignal.any([stopping, hungUp.signal]))
    return reply.type('application/x-ndjson').send(toNdjson(entries))
  })
}
