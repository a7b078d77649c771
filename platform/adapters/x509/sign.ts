import { createHash, randomBytes, type webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonNameParams,
  Name,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { IssuedCertificate } from '../../ports/certificate-authority.ts'
import { MillraceError } from '../../runtime/errors.ts'

export const KEY_ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const
export const SIGNING_ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000
/** A device whose clock is a little slow must not find its certificate not valid yet. */
const BACKDATE_MS = 300_000
const SERIAL_BYTES = 16

export interface Root {
  readonly certificate: X509Certificate
  readonly certificatePem: string
  readonly signingKey: webcrypto.CryptoKey
  readonly notAfterMs: number
}

/** A certificate that signs nothing itself. */
export interface Leaf {
  readonly subject: JsonNameParams
  /** DER, SubjectPublicKeyInfo. */
  readonly publicKey: ArrayBuffer
  readonly validDays: number
  readonly use: 'clientAuth' | 'serverAuth'
  readonly extensions: readonly Extension[]
}

/**
 * Valid from five minutes ago, for `validDays` but never beyond the root's end.
 *
 * @throws {MillraceError} `usage.invalid` for days that aren't positive; `certificate-authority.unusable` when the root has expired.
 */
export async function signLeaf(order: { root: Root; nowMs: number; leaf: Leaf }): Promise<IssuedCertificate> {
  const { root, nowMs, leaf } = order
  const { notBefore, notAfter } = validity({ nowMs, validDays: leaf.validDays, endMs: root.notAfterMs })
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    issuer: new Name(root.certificate.subjectName.toArrayBuffer()),
    subject: new Name(leaf.subject),
    notBefore,
    notAfter,
    publicKey: leaf.publicKey,
    signingKey: root.signingKey,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      ...leaf.extensions,
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[leaf.use]]),
      await SubjectKeyIdentifierExtension.create(leaf.publicKey),
      await AuthorityKeyIdentifierExtension.create(root.certificate.publicKey),
    ],
  })

  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    fingerprint: createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex'),
    serial: certificate.serialNumber,
    notBeforeMs: certificate.notBefore.getTime(),
    notAfterMs: certificate.notAfter.getTime(),
  }
}

export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

/** X.509 counts in whole seconds. */
export function validity({ nowMs, validDays, endMs }: { nowMs: number; validDays: number; endMs: number }): Validity {
  if (!(validDays > 0))
    throw new MillraceError('usage.invalid', `A certificate is valid for 1 day or more, not for ${validDays}.`)
  if (nowMs >= endMs) {
    throw new MillraceError(
      'certificate-authority.unusable',
      `The root certificate expired on ${new Date(endMs).toISOString()}. Check the clock of this machine; if it is right, a new root and new gateway certificates are needed.`,
    )
  }
  return {
    notBefore: new Date(wholeSeconds(nowMs - BACKDATE_MS)),
    notAfter: new Date(wholeSeconds(Math.min(nowMs + validDays * DAY_MS, endMs))),
  }
}

const wholeSeconds = (timeMs: number): number => Math.floor(timeMs / 1_000) * 1_000

/** 128 bits, of which 126 are random: the first byte is set so that the number is positive and never shorter. */
export function randomSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES)
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return bytes.toString('hex')
}
