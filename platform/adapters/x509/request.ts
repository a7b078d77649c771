import { createPublicKey, type KeyObject } from 'node:crypto'
import { PemConverter, Pkcs10CertificateRequest } from '@peculiar/x509'
import { MillraceError } from '../../runtime/errors.ts'

/** An RSA request with 8,192 bits has 3 KB. */
const REQUEST_CHARACTERS_MAX = 16_384
const REQUEST_TAGS: ReadonlySet<string> = new Set(['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST'])
const CURVES: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1'])
const RSA_BITS_MIN = 2_048
/** Larger keys only cost us time: every handshake checks a signature with them. */
const RSA_BITS_MAX = 8_192
const RSA_EXPONENT_MIN = 65_537n

/**
 * The public key of a PKCS #10 request, as DER (SubjectPublicKeyInfo), once the request has shown that its sender has the private key.
 *
 * @throws {MillraceError} `data.invalid` - not a request, its signature doesn't match, or the key is too weak.
 */
export async function keyOfRequest(requestPem: string): Promise<ArrayBuffer> {
  const request = parseRequest(requestPem)
  const key = parseKey(request)
  if (!isStrong(key)) {
    throw new MillraceError(
      'data.invalid',
      `The key in the request is not accepted. Use EC P-256 or P-384, Ed25519, or RSA with ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits.`,
    )
  }
  if (!(await isSignedByItsKey(request))) {
    throw new MillraceError(
      'data.invalid',
      'The signature of the request does not match its key, or is of an unusual kind. Make the request again on the gateway.',
    )
  }
  return new Uint8Array(key.export({ type: 'spki', format: 'der' })).buffer
}

function parseRequest(requestPem: string): Pkcs10CertificateRequest {
  try {
    const blocks = requestPem.length <= REQUEST_CHARACTERS_MAX ? PemConverter.decodeWithHeaders(requestPem) : []
    const block = blocks.find(({ type }) => REQUEST_TAGS.has(type))
    if (block) return new Pkcs10CertificateRequest(block.rawData)
  } catch (cause) {
    throw new MillraceError('data.invalid', 'The certificate request can not be read: it is not PKCS #10.', { cause })
  }
  throw new MillraceError(
    'data.invalid',
    `A certificate request is PEM that starts with "-----BEGIN CERTIFICATE REQUEST-----", at most ${REQUEST_CHARACTERS_MAX} characters.`,
  )
}

function parseKey(request: Pkcs10CertificateRequest): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
  } catch (cause) {
    throw new MillraceError('data.invalid', 'The key in the certificate request can not be read.', { cause })
  }
}

function isStrong({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {}
  if (asymmetricKeyType === 'ec') return CURVES.has(namedCurve)
  if (asymmetricKeyType === 'ed25519') return true
  if (asymmetricKeyType !== 'rsa') return false
  return modulusLength >= RSA_BITS_MIN && modulusLength <= RSA_BITS_MAX && publicExponent >= RSA_EXPONENT_MIN
}

async function isSignedByItsKey(request: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await request.verify()
  } catch {
    // An algorithm that doesn't belong to the key.
    return false
  }
}
