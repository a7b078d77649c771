/** What a bearer token allows. A token belongs to one tenant and never sees another. */
export const TOKEN_SCOPES = {
  read: 'Sensors, readings, latest values, gateways and their presence.',
  diagnose: 'Rejected messages: their reasons and their original bytes.',
} as const

export type TokenScope = keyof typeof TOKEN_SCOPES

export function isTokenScope(text: string): text is TokenScope {
  return Object.hasOwn(TOKEN_SCOPES, text)
}

/** A token as its owner holds it: this prefix, then 32 random bytes in base64url. Secret scanners know such prefixes. */
export const TOKEN_PREFIX = 'mlr_'
export const TOKEN_PATTERN = '^mlr_[A-Za-z0-9_-]{43}$'
