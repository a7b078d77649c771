import { type ErrorMessage, MillraceError, toErrorMessage } from '../../platform/runtime/errors.ts'

/** RFC 9457 problem details; `code` and `details` carry a MillraceError across the socket. */
export interface Problem extends Pick<ErrorMessage, 'code' | 'details'> {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
}

export const problemSchema = {
  type: 'object',
  required: ['code', 'detail'],
  properties: {
    code: { type: 'string' },
    detail: { type: 'string' },
    details: { type: 'object', additionalProperties: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] } },
  },
} as const

/** What isn't ours is a fault of the process: its message stays in the log and is not sent. */
export function toProblem(error: unknown): Problem {
  if (!(error instanceof MillraceError)) {
    const detail = 'The running Millrace met an error that it does not know. Its log has the details.'
    return problem(500, { code: 'admin.unavailable', message: detail, details: {} })
  }
  return problem(statusOf(error), toErrorMessage(error, 'admin.unavailable'))
}

function problem(status: number, { code, message, details }: ErrorMessage): Problem {
  return { type: `/docs/reference/errors.md#${code}`, title: code, status, detail: message, code, details }
}

function statusOf({ code, remedy }: MillraceError): number {
  if (code.endsWith('.unknown')) return 404
  if (code.endsWith('.exists')) return 409
  if (remedy === 'reject') return 400
  return remedy === 'retry' ? 503 : 500
}
