import type { FromSchema } from 'json-schema-to-ts'
import type { RejectionEntry, RejectionReader } from '../../platform/ports/rejections.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { PageLimit } from '../../schemas/api/parameters.ts'
import { rejectedPage, rejectedQuery, rejectionAnswer, rejectionParams } from '../../schemas/api/rejected.ts'
import { isReason, REASONS } from '../../schemas/rejection.ts'
import { scopeOf } from '../authenticate.ts'
import { createCursor } from '../cursor.ts'
import { type OriginalMessages, readOriginal } from '../original-message.ts'
import { cutPage, linkNext } from '../page-link.ts'
import { formatInstant, parseInstant } from '../parse-instant.ts'
import { formatRejectionId, parseRejectionId } from '../rejection-id.ts'
import type { Routes } from './type-provider.ts'

/** The range `[from, to)` in epoch milliseconds, then the last entry of the page before: time, partition, offset, fault. */
const positionSchema = { type: 'array', minItems: 6, maxItems: 6, items: { type: 'integer', minimum: 0 } } as const
const cursor = createCursor<FromSchema<typeof positionSchema>>(positionSchema)

export interface RejectedRoutesOptions {
  readonly rejections: RejectionReader
  readonly originals: OriginalMessages
  readonly clock: () => number
  readonly limit: PageLimit
}

export function rejectedRoutes(app: Routes, { rejections, originals, clock, limit }: RejectedRoutesOptions): void {
  const config = { access: 'diagnose', answersIn: 'application/json' } as const
  const listSchema = {
    operationId: 'listRejected',
    tags: ['rejected'],
    summary: 'Messages and readings that were refused, newest first',
    querystring: rejectedQuery(limit),
    response: { 200: rejectedPage },
  } as const
  const oneSchema = {
    operationId: 'getRejected',
    tags: ['rejected'],
    summary: 'One refusal, with the message as it was sent',
    params: rejectionParams,
    response: { 200: rejectionAnswer },
  } as const

  app.get('/v1/rejected', { schema: listSchema, config }, async (request, reply) => {
    const scope = scopeOf(request)
    const { limit: itemsMax, cursor: text, gateway, reason, ...asked } = request.query
    const binding = { tenant: scope.tenant, route: 'rejected', filters: [gateway, reason, asked.from, asked.to] }
    const { fromMs, toMs, after } =
      text === undefined ? { ...rangeOf(asked, clock()), after: undefined } : positionOf(cursor.decode(binding, text))
    const query = {
      fromMs,
      toMs,
      limit: itemsMax + 1,
      ...(gateway !== undefined && { gateway }),
      ...(reason !== undefined && { reason }),
      ...(after !== undefined && { after }),
    }
    const { page, last } = cutPage(await rejections.rejections(scope, query, request.signal), itemsMax)
    const next =
      last === undefined ? null : cursor.encode(binding, [fromMs, toMs, last.timeMs, last.partition, last.offset, last.fault])
    linkNext(request, reply, next)
    return { rejected: page.map(toAnswer), next }
  })

  app.get('/v1/rejected/:id', { schema: oneSchema, config }, async (request) => {
    const scope = scopeOf(request)
    const { id } = request.params
    const entry = await rejections.rejection(scope, parseRejectionId(id), request.signal)
    if (entry === undefined)
      throw new MillraceError('rejection.unknown', `There is no rejection "${id}". It may have been forgotten.`)
    return { ...toAnswer(entry), original: await readOriginal(originals, entry) }
  })
}

function rangeOf(asked: { readonly from?: string; readonly to?: string }, nowMs: number) {
  const toMs = asked.to === undefined ? nowMs : parseInstant('to', asked.to)
  const fromMs = asked.from === undefined ? 0 : parseInstant('from', asked.from)
  if (fromMs < toMs) return { fromMs, toMs }
  const detail = `It must lie before \`to\`, which is ${formatInstant(toMs)}.`
  throw new MillraceError('query.invalid', `from: ${detail}`, { details: { from: detail } })
}

function positionOf([fromMs = 0, toMs = 0, timeMs = 0, partition = 0, offset = 0, fault = 0]: readonly number[]) {
  return { fromMs, toMs, after: { timeMs, partition, offset, fault } }
}

function toAnswer(entry: RejectionEntry): object {
  const { timeMs, gateway, stage, reason, pointer, detail } = entry
  const sentence = isReason(reason) ? REASONS[reason] : 'This reason was given by another version of Millrace.'
  return { id: formatRejectionId(entry), time: formatInstant(timeMs), gateway, stage, reason, sentence, pointer, detail }
}
