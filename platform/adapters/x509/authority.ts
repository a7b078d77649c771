// @peculiar/x509 needs the polyfill to be there before it is loaded: this import stays the first.
import 'reflect-metadata'

import { randomBytes, webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
} from '@peculiar/x509'
import type { CertificateAuthority, GatewayIdentity, IssuedKeyPair } from '../../ports/certificate-authority.ts'
import { assertServerNames, commonNameOf, toAlternativeName, toGatewaySubject } from './certificate-names.ts'
import { keyOfRequest } from './request.ts'
import { createRoot, parseRoot } from './root.ts'
import { loadPair, savePair } from './root-files.ts'
import { KEY_ALGORITHM, type Leaf, signLeaf } from './sign.ts'

export interface AuthorityOptions {
  /** Holds ca.pem and ca-key.pem (mode 0600); made with the first root. The caller holds the data folder's lock. */
  readonly folder: string
  /** Epoch milliseconds. */
  readonly clock?: () => number
}

/**
 * Opens the certificate authority; on first use it makes its root: ECDSA P-256, SHA-256, valid for 20 years.
 * A crash while it does leaves a whole root or none.
 *
 * @throws {MillraceError} `certificate-authority.unusable` when only half of the root is there, or it can not be read or written.
 * A new root is never made over an old one: every gateway would have to be enrolled anew.
 */
export async function openAuthority({ folder, clock = Date.now }: AuthorityOptions): Promise<CertificateAuthority> {
  const saved = await loadPair(folder)
  const pair = saved ?? (await createRoot({ name: `Millrace CA ${randomBytes(4).toString('hex')}`, nowMs: clock() }))
  const root = await parseRoot(pair, folder)
  if (saved === undefined) await savePair(folder, pair)
  const sign = (leaf: Leaf) => signLeaf({ root, nowMs: clock(), leaf })

  async function signNewKey(leaf: Omit<Leaf, 'publicKey'>): Promise<IssuedKeyPair> {
    const keys = await webcrypto.subtle.generateKey(KEY_ALGORITHM, true, ['sign', 'verify'])
    const issued = await sign({ ...leaf, publicKey: await webcrypto.subtle.exportKey('spki', keys.publicKey) })
    const privateKey = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
    return { ...issued, privateKeyPem: `${PemConverter.encode(privateKey, 'PRIVATE KEY')}\n` }
  }

  return {
    rootPem: root.certificatePem,
    notAfterMs: root.notAfterMs,

    issueGateway: async (identity) => signNewKey(gatewayLeaf(identity)),

    issueGatewayFromRequest: async (requestPem, identity) =>
      sign({ ...gatewayLeaf(identity), publicKey: await keyOfRequest(requestPem) }),

    async issueServer({ names, validDays }) {
      assertServerNames(names)
      return signNewKey({
        subject: [{ CN: [{ utf8String: commonNameOf(names) }] }],
        validDays,
        use: 'serverAuth',
        extensions: [...leafExtensions(), new SubjectAlternativeNameExtension(names.map(toAlternativeName))],
      })
    },
  }
}

function gatewayLeaf(identity: GatewayIdentity): Omit<Leaf, 'publicKey'> {
  return {
    subject: toGatewaySubject(identity),
    validDays: identity.validDays,
    use: 'clientAuth',
    extensions: leafExtensions(),
  }
}

const leafExtensions = (): readonly Extension[] => [
  new BasicConstraintsExtension(false, undefined, true),
  new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
]
