import type { SchemaError } from '../schemas/compile.ts'
import { METRIC_RULE, SENSOR_RULE } from '../schemas/names.ts'
import type { Fault, Reason } from '../schemas/rejection.ts'

/** A detail is for a person; what a device sent may be long. */
const DETAIL_LENGTH_MAX = 256
/** Of a name that a device sent; a pointer that is cut would point elsewhere, so one to a longer name stops before it. */
const NAME_LENGTH_MAX = 128

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
  const { reason, rule, name = '' } = reasonFor(path, error)
  return { reason, pointer: `/readings/${index}${path}${name}`, detail: (rule ?? sentence(error)).slice(0, DETAIL_LENGTH_MAX) }
}

interface Explanation {
  readonly reason: Reason
  readonly rule?: string
  /** What the pointer must go on with, where the schema's error stops at the object around it. */
  readonly name?: string
}

function reasonFor(path: string, error: SchemaError | undefined): Explanation {
  const keyword = error?.keyword
  if (path === '/sensor') return { reason: 'reading.sensor-name', rule: SENSOR_RULE }
  if (path === '/ts') return { reason: 'reading.time' }
  if (path === '/values' && (error?.propertyName !== undefined || keyword === 'propertyNames')) {
    const metric = String(error?.propertyName ?? error?.params.propertyName)
    return { reason: 'reading.metric-name', rule: `${quote(metric)}: ${METRIC_RULE}`, name: pointTo(metric) }
  }
  if (path === '/values' && keyword === 'minProperties') return { reason: 'reading.no-values' }
  if (path.startsWith('/values/')) return { reason: 'reading.value' }
  return { reason: 'reading.schema' }
}

function sentence(error: SchemaError | undefined): string {
  const property = error?.params.additionalProperty
  const extra = typeof property === 'string' ? `: ${quote(property)}` : ''
  return `${error?.instancePath ?? ''} ${error?.message ?? 'is not valid'}${extra}`.trim().slice(0, DETAIL_LENGTH_MAX)
}

/** RFC 6901, section 3. A name with half a surrogate pair can't be written down in UTF-8. */
const pointTo = (name: string): string =>
  name.length > NAME_LENGTH_MAX || !name.isWellFormed() ? '' : `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`

/** Cut first, so that the rule behind a long name is still there. */
const quote = (name: string): string =>
  JSON.stringify(name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX)}…` : name)
