import type { IssuedCertificate, IssuedKeyPair } from '../../platform/ports/certificate-authority.ts'
import type { Certificate, Gateway } from '../../platform/ports/metadata.ts'
import { timeResult, toTime } from './parameters.ts'

const STATES = ['active', 'expired', 'revoked'] as const
export type GatewayState = (typeof STATES)[number]

/** A gateway as operators see it. `expiresAt` is when its last usable certificate ends. */
export const gatewayResult = {
  type: 'object',
  required: ['tenant', 'gateway', 'state', 'enrolledAt', 'isConnected', 'certificates'],
  properties: {
    tenant: { type: 'string' },
    gateway: { type: 'string' },
    state: { type: 'string', enum: STATES },
    enrolledAt: timeResult,
    revokedAt: timeResult,
    expiresAt: timeResult,
    isConnected: { type: 'boolean' },
    lastMessageAt: timeResult,
    certificates: {
      type: 'array',
      items: {
        type: 'object',
        required: ['fingerprint', 'serial', 'notBefore', 'notAfter'],
        properties: {
          fingerprint: { type: 'string' },
          serial: { type: 'string' },
          notBefore: timeResult,
          notAfter: timeResult,
          revokedAt: timeResult,
        },
      },
    },
  },
} as const

/** What a gateway needs to connect. `privateKeyPem` is there only when we made the key; it is never stored. */
export const credentialsResult = {
  type: 'object',
  required: ['tenant', 'gateway', 'caPem', 'certificatePem', 'fingerprint', 'notAfter'],
  properties: {
    tenant: { type: 'string' },
    gateway: { type: 'string' },
    caPem: { type: 'string' },
    certificatePem: { type: 'string' },
    privateKeyPem: { type: 'string' },
    fingerprint: { type: 'string' },
    notAfter: timeResult,
    oldCertificatesEndAt: timeResult,
  },
} as const

const optional = <K extends string>(name: K, timeMs: number | undefined) =>
  timeMs === undefined ? {} : { [name]: toTime(timeMs) }

export function showGateway(gateway: Gateway, nowMs: number) {
  const endMs = lastUsableMs(gateway)
  return {
    tenant: gateway.tenant,
    gateway: gateway.id,
    state: stateOf(gateway, nowMs),
    enrolledAt: toTime(gateway.enrolledMs),
    ...optional('revokedAt', gateway.revokedMs),
    ...optional('expiresAt', endMs),
    isConnected: gateway.presence?.isConnected ?? false,
    ...optional('lastMessageAt', gateway.presence?.lastMessageMs),
    certificates: gateway.certificates.map(showCertificate),
  }
}

function showCertificate({ fingerprint, serial, notBeforeMs, notAfterMs, revokedMs }: Certificate) {
  const times = { notBefore: toTime(notBeforeMs), notAfter: toTime(notAfterMs), ...optional('revokedAt', revokedMs) }
  return { fingerprint, serial, ...times }
}

function stateOf(gateway: Gateway, nowMs: number): GatewayState {
  if (gateway.revokedMs !== undefined && gateway.revokedMs <= nowMs) return 'revoked'
  return (lastUsableMs(gateway) ?? 0) > nowMs ? 'active' : 'expired'
}

/** When the gateway can no longer connect unless it gets a new certificate, epoch milliseconds; undefined when it has none. */
export function lastUsableMs({ certificates }: Gateway): number | undefined {
  const ends = certificates.map(({ notAfterMs, revokedMs }) => Math.min(notAfterMs, revokedMs ?? Infinity))
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** The certificate without its PEM, as the registry keeps it. */
export function toCertificate({ fingerprint, serial, notBeforeMs, notAfterMs }: IssuedCertificate): Certificate {
  return { fingerprint, serial, notBeforeMs, notAfterMs }
}

export function showCredentials(
  name: { tenant: string; gateway: string },
  caPem: string,
  issued: IssuedCertificate | IssuedKeyPair,
) {
  return {
    ...name,
    caPem,
    certificatePem: issued.certificatePem,
    ...('privateKeyPem' in issued ? { privateKeyPem: issued.privateKeyPem } : {}),
    fingerprint: issued.fingerprint,
    notAfter: toTime(issued.notAfterMs),
  }
}
