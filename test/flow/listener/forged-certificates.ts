import { createPrivateKey, webcrypto } from 'node:crypto'
// The polyfill comes with the authority, which must be loaded before the library.
import '../../../platform/adapters/x509/authority.ts'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { IssuedKeyPair } from '../../../platform/ports/certificate-authority.ts'

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const DAY_MS = 86_400_000

export interface Forgery {
  readonly tenant: string
  readonly gateway: string
  readonly notBeforeMs?: number
  readonly notAfterMs?: number
  /** The one extended key usage; client authentication when left out. */
  readonly use?: 'clientAuth' | 'emailProtection'
}

export interface Signer {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** A certificate that the authority's port would not issue: expired, not valid yet, for another use, or signed by itself. */
export async function forge(signer: Signer | 'itself', forgery: Forgery): Promise<IssuedKeyPair> {
  const { tenant, gateway, notBeforeMs = Date.now() - DAY_MS, notAfterMs = Date.now() + DAY_MS, use = 'clientAuth' } = forgery
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const subject = `O=${tenant}, CN=${gateway}`
  const certificate = await X509CertificateGenerator.create({
    subject,
    issuer: signer === 'itself' ? subject : new X509Certificate(signer.certificatePem).subject,
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    publicKey: keys.publicKey,
    signingKey: signer === 'itself' ? keys.privateKey : await keyOf(signer.privateKeyPem),
    signingAlgorithm: ALGORITHM,
    extensions: [new BasicConstraintsExtension(false, undefined, true), new ExtendedKeyUsageExtension([ExtendedKeyUsage[use]])],
  })
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    certificatePem: certificate.toString('pem'),
    privateKeyPem: createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' })
      .export({ format: 'pem', type: 'pkcs8' })
      .toString(),
    fingerprint: Buffer.from(await certificate.getThumbprint('SHA-256')).toString('hex'),
    serial: certificate.serialNumber,
    notBeforeMs,
    notAfterMs,
  }
}

function keyOf(privateKeyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(privateKeyPem).export({ format: 'der', type: 'pkcs8' })
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}
