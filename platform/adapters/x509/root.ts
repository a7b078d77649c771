import { createPrivateKey, X509Certificate as NodeCertificate, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { MillraceError } from '../../runtime/errors.ts'
import type { RootPair } from './root-files.ts'
import { KEY_ALGORITHM, type Root, randomSerial, SIGNING_ALGORITHM, validity } from './sign.ts'

/** 20 years. */
const ROOT_DAYS = 7_305

export async function createRoot({ name, nowMs }: { name: string; nowMs: number }): Promise<RootPair> {
  const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity({ nowMs, validDays: ROOT_DAYS, endMs: Number.POSITIVE_INFINITY }),
    serialNumber: randomSerial(),
    name: new Name([{ CN: [{ utf8String: name }] }]),
    keys,
    signingAlgorithm: SIGNING_ALGORITHM,
    extensions: [
      // It signs leaves only: a path length of 0 keeps anyone from making an authority below it.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    certificatePem: `${certificate.toString('pem')}\n`,
    privateKeyPem: `${PemConverter.encode(privateKey, 'PRIVATE KEY')}\n`,
  }
}

/** @throws {MillraceError} `certificate-authority.unusable` when the two are not a certificate authority's, or not each other's. */
export async function parseRoot({ certificatePem, privateKeyPem }: RootPair, folder: string): Promise<Root> {
  try {
    const privateKey = createPrivateKey(privateKeyPem)
    const parsed = new NodeCertificate(certificatePem)
    if (!parsed.ca) throw new Error('ca.pem is not the certificate of an authority.')
    if (!parsed.checkPrivateKey(privateKey)) throw new Error('ca-key.pem is not the key of ca.pem.')

    const certificate = new X509Certificate(parsed.raw)
    const der = privateKey.export({ type: 'pkcs8', format: 'der' })
    return {
      certificate,
      certificatePem,
      signingKey: await webcrypto.subtle.importKey('pkcs8', der, KEY_ALGORITHM, false, ['sign']),
      notAfterMs: certificate.notAfter.getTime(),
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError(
      'certificate-authority.unusable',
      `The certificate authority in ${folder} can not be used: ${reason} Restore ca.pem and ca-key.pem, together, from a backup.`,
      { cause },
    )
  }
}
