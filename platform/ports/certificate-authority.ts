/** Signs the certificates of gateways and of our own listeners. Keys and certificates are PEM (RFC 7468). */
export interface IssuedCertificate {
  readonly certificatePem: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  readonly serial: string
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

export interface IssuedKeyPair extends IssuedCertificate {
  /** PKCS #8. Never stored by us. */
  readonly privateKeyPem: string
}

export interface GatewayIdentity {
  /** Subject O. */
  readonly tenant: string
  /** Subject CN. */
  readonly gateway: string
  readonly validDays: number
}

export interface CertificateAuthority {
  /** The root that gateways must trust. */
  readonly rootPem: string
  readonly notAfterMs: number
  /** Makes a P-256 key pair and a client certificate for it (extended key usage clientAuth only). */
  issueGateway(identity: GatewayIdentity): Promise<IssuedKeyPair>
  /**
   * A client certificate for the key in a PKCS #10 request. Only the key is taken from it; the subject is `identity`.
   * @throws {MillraceError} `data.invalid` - not a request, its signature doesn't match, or the key is too weak.
   */
  issueGatewayFromRequest(requestPem: string, identity: GatewayIdentity): Promise<IssuedCertificate>
  /** A server certificate (extended key usage serverAuth only) for DNS names and IP addresses. */
  issueServer(options: { names: readonly string[]; validDays: number }): Promise<IssuedKeyPair>
}
