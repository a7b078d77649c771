import type { SchemaError } from '../schemas/compile.ts'
import { METRIC_RULE, SENSOR_RULE } from '../schemas/names.ts'
import type { Fault, Reason } from '../schemas/rejection.ts'

/** A detail is for a person; what a device sent may be long. */
const DETAIL_LENGTH_MAX = 256

/** Why the message as a whole isn't one. */
export function explainShell(error: SchemaError | undefined): Fault {
  const reason: Reason =
    error?.keyword === 'maxItems'
      ? 'message.too-many-readings'
      : error?.keyword === 'minItems'
        ? 'message.no-readings'
        : 'message.schema'
  return { reason, pointer: error?.instancePath ?? '', detail: sentence(error) }
}

/** Why a reading isn't one; `index` is its place in the message. */
export function explainReading(error: SchemaError | undefined, index: number): Fault {
  const path = error?.instancePath ?? ''
  const { reason, rule } = reasonFor(path, error)
  return { reason, pointer: `/readings/${index}${path}`, detail: (rule ?? sentence(error)).slice(0, DETAIL_LENGTH_MAX) }
}

function reasonFor(path: string, error: SchemaError | undefined): { readonly reason: Reason; readonly rule?: string } {
  const keyword = error?.keyword
  if (path === '/sensor') return { reason: 'reading.sensor-name', rule: SENSOR_RULE }
  if (path === '/ts') return { reason: 'reading.time' }
  if (path === '/values' && (error?.propertyName !== undefined || keyword === 'propertyNames')) {
    return {
      reason: 'reading.metric-name',
      rule: `${JSON.stringify(error?.propertyName ?? error?.params.propertyName)}: ${METRIC_RULE}`,
    }
  }
  if (path === '/values' && keyword === 'minProperties') return { reason: 'reading.no-values' }
  if (path.startsWith('/values/')) return { reason: 'reading.value' }
  return { reason: 'reading.schema' }
}

function sentence(error: SchemaError | undefined): string {
  const property = error?.params.additionalProperty
  const extra = typeof property === 'string' ? `: ${JSON.stringify(property)}` : ''
  return `${error?.instancePath ?? ''} ${error?.message ?? 'is not valid'}${extra}`.trim().slice(0, DETAIL_LENGTH_MAX)
}
