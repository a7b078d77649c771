import { CHECK_TIMEOUT_MS, createReadiness, type ReadinessChecks } from '../../platform/runtime/readiness.ts'
import { healthAnswer, readinessAnswer } from '../../schemas/api/health.ts'
import type { Routes } from './type-provider.ts'

/** For probes: they carry no token, and must be answered while an address is blocked. */
export function healthRoutes(app: Routes, { checks }: { readonly checks: ReadinessChecks }): void {
  const config = { access: 'public-unlimited', answersIn: 'application/json' } as const
  const readiness = createReadiness(checks, CHECK_TIMEOUT_MS)
  const liveSchema = {
    operationId: 'getHealth',
    tags: ['health'],
    summary: 'Whether the process turns',
    response: { 200: healthAnswer },
  } as const
  const readySchema = {
    operationId: 'getReadiness',
    tags: ['health'],
    summary: 'Whether the process could do work now, by dependency',
    response: { 200: readinessAnswer, 503: readinessAnswer },
  } as const

  app.get('/healthz', { schema: liveSchema, config }, async () => ({ status: 'ok' }))

  app.get('/readyz', { schema: readySchema, config }, async (_request, reply) => {
    const answer = await readiness()
    return reply.code(answer.status === 'ready' ? 200 : 503).send(answer)
  })
}
