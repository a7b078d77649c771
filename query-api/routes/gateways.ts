import type { FromSchema } from 'json-schema-to-ts'
import type { Certificate, Gateway, GatewayStore } from '../../platform/ports/metadata.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { type CertificateState, gatewayAnswer, gatewayParams, gatewaysPage, gatewaysQuery } from '../../schemas/api/gateways.ts'
import type { PageLimit } from '../../schemas/api/parameters.ts'
import { scopeOf } from '../authenticate.ts'
import { createCursor } from '../cursor.ts'
import { cutPage, linkNext } from '../page-link.ts'
import { formatInstant, formatMaybeInstant } from '../parse-instant.ts'
import type { Routes } from './type-provider.ts'

/** The last gateway of the page before. */
const positionSchema = { type: 'string' } as const
const cursor = createCursor<FromSchema<typeof positionSchema>>(positionSchema)

export interface GatewaysRoutesOptions {
  readonly gateways: Pick<GatewayStore, 'gateways' | 'gateway'>
  readonly clock: () => number
  readonly limit: PageLimit
}

export function gatewaysRoutes(app: Routes, { gateways, clock, limit }: GatewaysRoutesOptions): void {
  const config = { access: 'read', answersIn: 'application/json' } as const
  const listSchema = {
    operationId: 'listGateways',
    tags: ['gateways'],
    summary: 'Gateways, whether they are connected, and when their certificates end',
    querystring: gatewaysQuery(limit),
    response: { 200: gatewaysPage },
  } as const
  const oneSchema = {
    operationId: 'getGateway',
    tags: ['gateways'],
    summary: 'One gateway, whether it is connected, and its certificates',
    params: gatewayParams,
    response: { 200: gatewayAnswer },
  } as const

  app.get('/v1/gateways', { schema: listSchema, config }, async (request, reply) => {
    const scope = scopeOf(request)
    const { limit: itemsMax, cursor: text } = request.query
    const binding = { tenant: scope.tenant, route: 'gateways', filters: [] }
    const after = text === undefined ? {} : { after: cursor.decode(binding, text) }
    const { page, last } = cutPage(await gateways.gateways(scope, { limit: itemsMax + 1, ...after }), itemsMax)
    const next = last === undefined ? null : cursor.encode(binding, last.id)
    linkNext(request, reply, next)
    return { gateways: page.map((gateway) => toAnswer(gateway, clock())), next }
  })

  app.get('/v1/gateways/:gateway', { schema: oneSchema, config }, async (request) => {
    const { gateway: id } = request.params
    const gateway = await gateways.gateway(scopeOf(request), id)
    if (gateway === undefined)
      throw new MillraceError('gateway.unknown', `There is no gateway "${id}". An operator enrols gateways.`)
    return toAnswer(gateway, clock())
  })
}

function toAnswer({ id, enrolledMs, revokedMs, presence, certificates }: Gateway, nowMs: number): object {
  const ends = certificates.filter((certificate) => stateOf(certificate, nowMs) === 'valid').map(endOf)
  return {
    gateway: id,
    enrolled: formatInstant(enrolledMs),
    revoked: formatMaybeInstant(revokedMs),
    presence:
      presence === undefined
        ? null
        : {
            isConnected: presence.isConnected,
            since: formatInstant(presence.sinceMs),
            lastMessage: formatMaybeInstant(presence.lastMessageMs),
          },
    certificateExpires: formatMaybeInstant(ends.length === 0 ? undefined : Math.max(...ends)),
    certificates: certificates.map((certificate) => ({
      fingerprint: certificate.fingerprint,
      serial: certificate.serial,
      state: stateOf(certificate, nowMs),
      notBefore: formatInstant(certificate.notBeforeMs),
      notAfter: formatInstant(certificate.notAfterMs),
      revoked: formatMaybeInstant(certificate.revokedMs),
    })),
  }
}

/** A certificate that is rotated out ends before its own time. */
const endOf = ({ notAfterMs, revokedMs = notAfterMs }: Certificate): number => Math.min(notAfterMs, revokedMs)

function stateOf({ notBeforeMs, notAfterMs, revokedMs }: Certificate, nowMs: number): CertificateState {
  if (revokedMs !== undefined && revokedMs <= nowMs) return 'revoked'
  if (notAfterMs <= nowMs) return 'expired'
  return notBeforeMs > nowMs ? 'not-yet-valid' : 'valid'
}
