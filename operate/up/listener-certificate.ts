import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { writeFileDurably } from '../../platform/runtime/write-file.ts'
import type { UpConfig } from './config.ts'

export interface KeyPair {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

const VALID_DAYS = 397
const RENEW_DAYS = 60
const DAY_MS = 86_400_000

/**
 * The certificate of the MQTT listener: the operator's own, or one that our CA signs and that is kept in the data folder. It is made anew when it is about to expire or
 * when a name is missing from it; gateways trust the CA, so they don't notice.
 */
export async function listenerCertificate(
  folder: string,
  authority: CertificateAuthority | undefined,
  config: UpConfig,
): Promise<KeyPair> {
  const { MILLRACE_MQTT_CERT_FILE: certificateFile, MILLRACE_MQTT_KEY_FILE: keyFile } = config
  if (certificateFile !== undefined && keyFile !== undefined) {
    return { certificatePem: await readFile(certificateFile, 'utf8'), privateKeyPem: await readFile(keyFile, 'utf8') }
  }
  if (authority === undefined)
    throw new MillraceError(
      'config.invalid',
      'Set MILLRACE_MQTT_CERT_FILE and MILLRACE_MQTT_KEY_FILE: there is no CA here to sign one.',
    )
  const names = [...new Set([...machineNames(), ...(config.MILLRACE_MQTT_NAMES?.split(',') ?? [])])]
  const file = join(folder, 'mqtt-listener.pem')
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept !== undefined && isGood(kept, names)) return { certificatePem: kept, privateKeyPem: kept }
  const { certificatePem, privateKeyPem } = await authority.issueServer({ names, validDays: VALID_DAYS })
  // One file, so that key and certificate can't come apart in a crash.
  await writeFileDurably(file, `${privateKeyPem.trimEnd()}\n${certificatePem.trimEnd()}\n`, 0o600)
  return { certificatePem, privateKeyPem }
}

function isGood(pem: string, names: readonly string[]): boolean {
  const certificate = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')))
  const isFresh = Date.parse(certificate.validTo) - Date.now() > RENEW_DAYS * DAY_MS
  const has = (name: string): boolean => (certificate.checkHost(name) ?? certificate.checkIP(name)) !== undefined
  return isFresh && names.every(has)
}

/** Under which gateways may reach this machine. */
function machineNames(): readonly string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  const reachable = addresses.filter(({ family, scopeid }) => family === 'IPv4' || !scopeid).map(({ address }) => address)
  return ['localhost', hostname(), ...reachable]
}
