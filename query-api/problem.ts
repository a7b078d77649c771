import type { FastifyReply, FastifyRequest } from 'fastify'
import { MillraceError } from '../platform/runtime/errors.ts'
import { isProblemKind, PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemKind, problemType } from '../schemas/api/problem.ts'

/** How long a caller should wait for a store that is away; back-off beyond that is its own affair. */
const RETRY_AFTER_SECONDS = 2

/** An answer that isn't the one that was asked for. */
export interface Problem {
  readonly kind: ProblemKind
  readonly detail: string
  readonly errors?: readonly { readonly parameter: string; readonly detail: string }[]
  readonly headers: Readonly<Record<string, string>>
}

const KIND_BY_FRAMEWORK_CODE: ReadonlyMap<string, ProblemKind> = new Map([
  ['FST_ERR_BAD_URL', 'request.malformed'],
  ['FST_ERR_MAX_PARAM_LENGTH', 'url.too-long'],
  ['FST_ERR_HANDLER_TIMEOUT', 'service.unavailable'],
  ['FST_ERR_ROUTE_DUPLICATED', 'internal.error'],
])

/**
 * What a caller may know of an error. The message of a store that is away or of a bug stays in the log: it may name hosts, paths or
 * statements. The message of a refusal was written for the caller.
 */
export function problemOf(error: unknown): Problem {
  if (error instanceof MillraceError) {
    if (error.code === 'query.invalid') return invalidQuery(error)
    if (isProblemKind(error.code))
      return { kind: error.code, detail: error.message, headers: headersOf(error.code, error.details) }
    if (error.remedy === 'retry') return plain('service.unavailable')
    return plain('internal.error')
  }
  if (isAbort(error)) return plain('service.unavailable')
  return plain(KIND_BY_FRAMEWORK_CODE.get(codeOf(error)) ?? 'internal.error')
}

/** RFC 9457. */
export function problemBody({ kind, detail, errors }: Problem, requestId: string): object {
  const { status, title } = PROBLEMS[kind]
  return { type: problemType(kind), title, status, detail, instance: requestId, ...(errors && { errors }) }
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(PROBLEMS[problem.kind].status)
    .headers(problem.headers)
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(problemBody(problem, request.id))
}

function plain(kind: ProblemKind): Problem {
  return { kind, detail: PROBLEMS[kind].help, headers: headersOf(kind, {}) }
}

/** The details of such an error are by parameter: what is wrong with it. */
function invalidQuery({ message, details }: MillraceError): Problem {
  const errors = Object.entries(details).map(([parameter, detail]) => ({ parameter, detail: String(detail) }))
  return { kind: 'query.invalid', detail: message, errors, headers: {} }
}

function headersOf(kind: ProblemKind, details: MillraceError['details']): Readonly<Record<string, string>> {
  switch (kind) {
    // RFC 6750, section 3.1: a request without a token is told no error code.
    case 'token.missing':
      return { 'www-authenticate': 'Bearer realm="millrace"' }
    case 'token.refused':
      return { 'www-authenticate': 'Bearer realm="millrace", error="invalid_token"' }
    case 'token.scope-missing':
      return { 'www-authenticate': `Bearer realm="millrace", error="insufficient_scope", scope="${details.scope}"` }
    case 'method.refused':
      return { allow: 'GET, HEAD' }
    case 'rate.exceeded':
      return { 'retry-after': String(details.retryAfterSeconds) }
    case 'service.unavailable':
      return { 'retry-after': String(RETRY_AFTER_SECONDS) }
    default:
      return {}
  }
}

const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
