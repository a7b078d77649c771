/** What the catcher must do. Decided where the failure is understood, never where it is caught. */
export type Remedy = 'reject' | 'retry' | 'stop'

/** Every failure this system can name. The code is the contract; the message is for people. */
export const REMEDY_BY_CODE = {
  'config.invalid': 'stop',
  'data-folder.locked': 'stop',
  'data-folder.unusable': 'stop',
  'store.not-durable': 'stop',
  'store.newer': 'stop',
  'store.damaged': 'stop',
  'certificate-authority.unusable': 'stop',
  'listener.unavailable': 'stop',
  'event-log.unavailable': 'retry',
  'event-log.not-owner': 'retry',
  'event-log.offset-gone': 'reject',
  'time-series.unavailable': 'retry',
  'metadata.unavailable': 'retry',
  'admin.unavailable': 'retry',
  'usage.invalid': 'reject',
  'data.invalid': 'reject',
  'tenant.unknown': 'reject',
  'tenant.exists': 'reject',
  'gateway.unknown': 'reject',
  'gateway.exists': 'reject',
  'gateway.revoked': 'reject',
  'token.unknown': 'reject',
  'query.invalid': 'reject',
  'token.missing': 'reject',
  'token.refused': 'reject',
  'token.scope-missing': 'reject',
  'route.unknown': 'reject',
  'sensor.unknown': 'reject',
  'rejection.unknown': 'reject',
  'method.refused': 'reject',
  'answer.unacceptable': 'reject',
  'url.too-long': 'reject',
  'rate.exceeded': 'reject',
} as const satisfies Record<string, Remedy>

export type ErrorCode = keyof typeof REMEDY_BY_CODE
type Details = Readonly<Record<string, string | number | boolean>>

export class MillraceError extends Error {
  override readonly name = 'MillraceError'
  readonly code: ErrorCode
  readonly details: Details

  constructor(code: ErrorCode, message: string, options: { details?: Details; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }

  get remedy(): Remedy {
    return REMEDY_BY_CODE[this.code]
  }
}

/** An error that crosses a thread or a socket keeps its code: it is sent as this and rebuilt on the other side. */
export interface ErrorMessage {
  readonly code: string
  readonly message: string
  readonly details: Details
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(REMEDY_BY_CODE, code)
}

/** Anything that was thrown, as something that can be cloned to another thread. Unknown errors take `fallback`. */
export function toErrorMessage(error: unknown, fallback: ErrorCode): ErrorMessage {
  if (error instanceof MillraceError) return { code: error.code, message: error.message, details: error.details }
  return { code: fallback, message: error instanceof Error ? error.message : String(error), details: {} }
}

export function fromErrorMessage({ code, message, details }: ErrorMessage, fallback: ErrorCode): MillraceError {
  return new MillraceError(isErrorCode(code) ? code : fallback, message, { details })
}
