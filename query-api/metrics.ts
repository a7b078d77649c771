import { Counter, Histogram, type Registry } from 'prom-client'

export interface QueryApiMetrics {
  /** @param route  The route's pattern, never the path: labels are closed sets. */
  answered(request: {
    readonly route: string
    readonly method: string
    readonly status: number
    readonly durationMs: number
  }): void
  refused(reason: 'token' | 'rate'): void
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])

export function createQueryApiMetrics(registry: Registry): QueryApiMetrics {
  const requests = new Counter({
    name: 'query_api_requests_total',
    help: 'Requests answered, by route, method and status.',
    labelNames: ['route', 'method', 'status'] as const,
    registers: [registry],
  })
  const seconds = new Histogram({
    name: 'query_api_request_duration_seconds',
    help: 'Time from the head of the request to the end of the answer, by route.',
    labelNames: ['route'] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  })
  const refusals = new Counter({
    name: 'query_api_refusals_total',
    help: 'Requests refused before they reached their route, by reason.',
    labelNames: ['reason'] as const,
    registers: [registry],
  })

  return {
    answered({ route, method, status, durationMs }) {
      requests.inc({ route, method: METHODS.has(method) ? method : 'other', status: String(status) })
      seconds.observe({ route }, durationMs / 1000)
    },
    refused(reason) {
      refusals.inc({ reason })
    },
  }
}
