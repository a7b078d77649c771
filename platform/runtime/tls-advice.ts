/** What the operator has set, by the words in which he knows it. */
export interface TlsPlaces {
  /** Who answers: `PostgreSQL`. */
  readonly server: string
  /** The variable that names the file of root certificates; where it isn't set, those of the system count. */
  readonly roots: string
  /** The variable in which the host is named. */
  readonly address: string
}

const CAUSES_MAX = 8
/** The certificate leads to no root that we have, or to another one of the same name. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'INVALID_CA',
])

/** @returns what to do about a handshake that failed, in a sentence or two; undefined when it is no matter of TLS. */
export function adviseOnTls(error: unknown, { server, roots, address }: TlsPlaces): string | undefined {
  const code = codesOf(error).find(isOfTls)
  if (code === undefined) return undefined
  if (UNTRUSTED.has(code))
    return `Its certificate was signed by none of the roots in the file of ${roots}, or, where that is not set, of this system. Put the one that did sign it into that file; if you know of none, you may be talking to somebody else.`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `Its certificate is for another host. Write in ${address} a name that stands in it, or give ${server} a certificate with this name.`
  if (code === 'CERT_HAS_EXPIRED')
    return `Its certificate has expired. Renew it at ${server}; if it has not, set the clock of this machine.`
  if (code === 'CERT_NOT_YET_VALID') return 'Its certificate is not valid yet. Set the clocks of both machines.'
  return `What listens there does not speak TLS 1.3. Turn it on in ${server}, or mend the port in ${address}.`
}

function isOfTls(code: string): boolean {
  if (UNTRUSTED.has(code) || /^CERT_/.test(code) || code === 'ERR_TLS_CERT_ALTNAME_INVALID') return true
  return /^ERR_SSL_/.test(code) || code === 'EPROTO'
}

/** Of the error and of what it was wrapped around. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = []
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < CAUSES_MAX; depth++) {
    if ('code' in at && typeof at.code === 'string') codes.push(at.code)
    at = 'cause' in at ? at.cause : undefined
  }
  return codes
}
