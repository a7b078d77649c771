import { isIP } from 'node:net'
import type { JsonGeneralName, JsonNameParams } from '@peculiar/x509'
import type { GatewayIdentity } from '../../ports/certificate-authority.ts'
import { MillraceError } from '../../runtime/errors.ts'

/** X.520's upper bound for a common name and an organization. */
const ATTRIBUTE_CHARACTERS_MAX = 64
const SERVER_NAMES_MAX = 100
const DNS_CHARACTERS_MAX = 253
const DNS_NAME = /^(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/

/**
 * O = tenant, CN = gateway, each an attribute of its own that is never parsed from a string: a comma or an equals sign in
 * an id can't make another attribute.
 *
 * @throws {MillraceError} `data.invalid` for what a reader could take for something else: control characters, lone surrogates.
 */
export function toGatewaySubject({ tenant, gateway }: GatewayIdentity): JsonNameParams {
  assertAttribute('tenant', tenant)
  assertAttribute('gateway', gateway)
  return [{ O: [{ utf8String: tenant }] }, { CN: [{ utf8String: gateway }] }]
}

function assertAttribute(what: string, text: string): void {
  const isPlain = text.isWellFormed() && !/[\p{Cc}\u2028\u2029]/u.test(text)
  if (isPlain && text.length >= 1 && text.length <= ATTRIBUTE_CHARACTERS_MAX) return
  throw new MillraceError(
    'data.invalid',
    `The ${what} in a certificate has 1 to ${ATTRIBUTE_CHARACTERS_MAX} characters and no control characters.`,
    { details: { attribute: what } },
  )
}

/** @throws {MillraceError} `data.invalid`. */
export function assertServerNames(names: readonly string[]): void {
  if (names.length < 1 || names.length > SERVER_NAMES_MAX) {
    throw new MillraceError('data.invalid', `A server certificate has 1 to ${SERVER_NAMES_MAX} names, not ${names.length}.`)
  }
  for (const name of names) {
    const isDns = name.length <= DNS_CHARACTERS_MAX && DNS_NAME.test(name)
    if (isDns || isPlainIp(name)) continue
    throw new MillraceError('data.invalid', `A server certificate is for DNS names and IP addresses, not for "${name}".`)
  }
}

/** An address with a zone (`fe80::1%eth0`) means something on one machine only. */
const isPlainIp = (name: string): boolean => isIP(name) !== 0 && !name.includes('%')

/** The first name; or the first that fits, since clients look at the alternative names alone. */
export function commonNameOf(names: readonly string[]): string {
  return names.find((name) => name.length <= ATTRIBUTE_CHARACTERS_MAX) ?? 'Millrace'
}

export function toAlternativeName(name: string): JsonGeneralName {
  if (isIP(name) === 4) return { type: 'ip', value: name }
  // Written out by the URL parser: the library misreads the dotted end of `::ffff:192.0.2.1`.
  if (isIP(name) === 6) return { type: 'ip', value: new URL(`http://[${name}]`).hostname.slice(1, -1) }
  return { type: 'dns', value: name }
}
