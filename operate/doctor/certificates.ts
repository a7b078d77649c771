import { connect } from 'node:tls'
import type { ResultOf } from '../operations/operations.ts'
import { DAY_MS } from '../operations/parameters.ts'
import { asCount } from '../output/amounts.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const WARN_DAYS = 30
const FAIL_DAYS = 7
const CONNECT_TIMEOUT_MS = 3_000

export interface CertificateEnd {
  readonly name: string
  readonly endMs: number
  readonly nowMs: number
  readonly advice: string
}

export function checkEnd({ name, endMs, nowMs, advice }: CertificateEnd): Finding {
  const days = Math.floor((endMs - nowMs) / DAY_MS)
  const date = new Date(endMs).toISOString().slice(0, 10)
  if (endMs <= nowMs) return fail(name, `ended on ${date}`, advice)
  const found = `ends on ${date}, in ${asCount(days, 'day')}`
  if (days < FAIL_DAYS) return fail(name, found, advice)
  return days < WARN_DAYS ? warn(name, found, advice) : ok(name, found)
}

/** The gateways whose certificates end soon, as one finding: the most urgent decides its state. */
export function checkGateways({ gateways, endingSoon, endingSoonCount }: ResultOf['stores.inspect'], nowMs: number): Finding {
  const name = 'gateway certificates'
  const [first] = endingSoon
  if (first === undefined) return ok(name, `${asCount(gateways, 'gateway')}, none ends within ${WARN_DAYS} days`)
  const named = endingSoon.slice(0, 5).map(({ tenant, gateway, endsAt }) => `${tenant}/${gateway} (${endsAt.slice(0, 10)})`)
  const more = endingSoonCount > named.length ? ` and ${endingSoonCount - named.length} more` : ''
  const advice =
    'Rotate them: millrace gateways rotate GATEWAY --tenant TENANT --out DIR --overlap 24h. Revoke those that are gone for good.'
  const state = checkEnd({ name, endMs: Date.parse(first.endsAt), nowMs, advice }).state
  const found = `${endingSoonCount} of ${gateways} end within ${WARN_DAYS} days: ${named.join(', ')}${more}`
  return { name, state, found, advice }
}

export interface ServerPlace {
  /** Which listener. */
  readonly name: string
  readonly host: string
  readonly port: number
  readonly rootPem: string
}

/** What a listener shows to those who connect; a certificate of its own makes sure of nothing, so it is asked on the wire. */
export async function checkServerCertificate(place: ServerPlace, nowMs: number): Promise<Finding> {
  const check = `server certificate (${place.name})`
  const shown = await readServerCertificate(place)
  if (shown === undefined)
    return fail(check, `nothing speaks TLS at ${place.host}:${place.port}`, 'See the log of the running Millrace.')
  return checkEnd({
    name: check,
    endMs: shown,
    nowMs,
    advice: 'Restart Millrace, which issues a new one; renew it where you set your own.',
  })
}

/** @returns when the certificate ends, epoch milliseconds; undefined when there is no handshake. */
function readServerCertificate({ host, port, rootPem }: ServerPlace): Promise<number | undefined> {
  return new Promise((resolve) => {
    // The certificate is only looked at, nothing is sent, so one that isn't from our root is no risk here.
    const socket = connect({ host, port, ca: rootPem, rejectUnauthorized: false, timeout: CONNECT_TIMEOUT_MS })
    const end = (endMs: number | undefined) => {
      socket.destroy()
      resolve(endMs)
    }
    socket.once('secureConnect', () => end(socket.getPeerX509Certificate()?.validToDate.getTime()))
    socket.once('timeout', () => end(undefined))
    socket.once('error', () => end(undefined))
  })
}
