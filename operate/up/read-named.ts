import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { MillraceError } from '../../platform/runtime/errors.ts'

/** What is in the file that a variable names: certificates and secrets. @throws {MillraceError} `config.invalid`, naming the variable. */
export function readNamed(variable: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('config.invalid', `${variable} can not be read: ${reason}`, { cause })
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs

/**
 * The root certificates in the file that a variable names. OpenSSL passes over what is no certificate, and Node takes an empty file for the roots of the
 * system: any authority of the world would be believed.
 *
 * @throws {MillraceError} `config.invalid`, naming the variable.
 */
export function readRoots(variable: string, path: string | undefined): string | undefined {
  const pem = readNamed(variable, path)
  if (pem === undefined) return undefined
  const certificates = pem.match(CERTIFICATE) ?? []
  if (certificates.length > 0 && certificates.every(isCertificate)) return pem
  throw new MillraceError('config.invalid', `${variable} names ${path}, which holds no root certificates. Put them into it, PEM.`)
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}
