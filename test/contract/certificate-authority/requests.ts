import { webcrypto } from 'node:crypto'
// Makes the keys that a gateway's own tools would make. The polyfill comes with the authority, which must be loaded first.
import '../../../platform/adapters/x509/authority.ts'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequestGenerator,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { IssuedKeyPair } from '../../../platform/ports/certificate-authority.ts'

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', publicExponent: new Uint8Array([1, 0, 1]) } as const

export const KEY_KINDS = {
  'EC P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'EC P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  'EC P-521': { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  Ed25519: { name: 'Ed25519' },
  'RSA 1024': { ...RSA, modulusLength: 1_024 },
  'RSA 2048': { ...RSA, modulusLength: 2_048 },
} as const

export type KeyKind = keyof typeof KEY_KINDS

export interface Request {
  readonly requestPem: string
  readonly privateKeyPem: string
  readonly publicKeyDer: Buffer
}

/** A PKCS #10 request that asks for what it should not get: another one's subject, and to be an authority. */
export async function makeRequest(kind: KeyKind): Promise<Request> {
  const algorithm = KEY_KINDS[kind]
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  if (!('privateKey' in keys)) throw new TypeError('Expected a pair of keys.')
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=somebody-else, O=other-tenant',
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 3, true)],
  })
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    requestPem: request.toString('pem'),
    privateKeyPem: pem('PRIVATE KEY', privateKey),
    publicKeyDer: Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey)),
  }
}

/** What a thief of a gateway's key would try: a certificate of his own under the gateway's, sent with it as the chain. */
export async function signAsGateway({ certificatePem, privateKeyPem }: IssuedKeyPair): Promise<IssuedKeyPair> {
  const issuer = new X509Certificate(certificatePem)
  const algorithm = KEY_KINDS['EC P-256']
  const signingKey = await webcrypto.subtle.importKey('pkcs8', derOf(privateKeyPem), algorithm, false, ['sign'])
  const thief = await makeRequest('EC P-256')
  const certificate = await X509CertificateGenerator.create({
    issuer: issuer.subject,
    subject: 'O=acme, CN=gw-2',
    notBefore: issuer.notBefore,
    notAfter: issuer.notAfter,
    publicKey: thief.publicKeyDer,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
  })
  return {
    certificatePem: `${certificate.toString('pem')}\n${certificatePem}`,
    privateKeyPem: thief.privateKeyPem,
    fingerprint: '',
    serial: certificate.serialNumber,
    notBeforeMs: issuer.notBefore.getTime(),
    notAfterMs: issuer.notAfter.getTime(),
  }
}

export function pem(tag: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${tag}-----\n${lines.join('\n')}\n-----END ${tag}-----\n`
}

export const derOf = (text: string): Buffer => Buffer.from(text.replace(/-----[^-]+-----/g, ''), 'base64')
