import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { MillraceError } from '../platform/runtime/errors.ts'
import { isLoopback } from '../platform/runtime/loopback.ts'
import type { QueryApiConfig } from './config.ts'

export interface TlsFiles {
  readonly cert: Buffer
  readonly key: Buffer
}

/**
 * Decides how the API listens.
 *
 * @returns the certificate and key, or undefined for plain HTTP on a loopback address.
 * @throws {MillraceError} `config.invalid` - plain HTTP elsewhere, half a pair, or files that can't be read or don't match.
 */
export function readTls(config: QueryApiConfig): TlsFiles | undefined {
  const { MILLRACE_HTTP_HOST: host, MILLRACE_HTTP_CERT_FILE: certFile, MILLRACE_HTTP_KEY_FILE: keyFile } = config
  if (certFile === undefined && keyFile === undefined) {
    if (isLoopback(host)) return undefined
    throw new MillraceError(
      'config.invalid',
      `The API would send tokens and readings over ${host} unencrypted. Set MILLRACE_HTTP_CERT_FILE and MILLRACE_HTTP_KEY_FILE, or MILLRACE_HTTP_HOST=127.0.0.1.`,
    )
  }
  if (certFile === undefined || keyFile === undefined) {
    throw new MillraceError(
      'config.invalid',
      'MILLRACE_HTTP_CERT_FILE and MILLRACE_HTTP_KEY_FILE belong together: set both, or none.',
    )
  }
  try {
    const files = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
    createSecureContext(files)
    return files
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('config.invalid', `The API can not use ${certFile} with ${keyFile}: ${why}.`, { cause })
  }
}
