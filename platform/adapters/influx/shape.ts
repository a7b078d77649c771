import type { Point } from '../../ports/time-series.ts'
import { fieldOf, listMetrics, POINT_MARK, SEQUENCE_MARK } from './fields.ts'

/** The metrics of a point, in its own order, and what they are called in a line: worked out once for all points that have the same. */
export interface Shape {
  readonly metrics: readonly string[]
  /** `power_w=` of the first metric, `,energy_wh=` of each other. */
  readonly assigns: readonly string[]
  readonly lists: readonly MetricList[]
}

/** Metrics of one point that share a field with its facts. */
export interface MetricList {
  /** `,#energy_wh+power_w=` */
  readonly facts: string
  readonly sequence: string
}

/** Of a sensor that no point has been seen of. */
export const NO_SHAPE: Shape = { metrics: [], assigns: [], lists: [] }

export interface Shapes {
  of(metrics: Iterable<string>): Shape
}

/** A list's name is as long as its metrics are; a field's name may have 64 KiB, and nobody wants to see those. */
const METRICS_PER_LIST_MAX = 16
/** A tenant that names other metrics together each time would fill the schema with lists: past this, each metric has its own. */
const SHAPES_PER_TENANT_MAX = 256

export function createShapes(): Shapes {
  const shapes = new Map<string, Shape>()
  return {
    of(metrics) {
      const names = [...metrics]
      const key = names.join(',')
      const known = shapes.get(key)
      if (known !== undefined) return known
      const isKept = shapes.size < SHAPES_PER_TENANT_MAX
      const made = makeShape(names, isKept ? METRICS_PER_LIST_MAX : 1)
      if (isKept) shapes.set(key, made)
      return made
    },
  }
}

function makeShape(metrics: readonly string[], listSize: number): Shape {
  const lists: MetricList[] = []
  for (let at = 0; at < metrics.length; at += listSize) {
    const list = listMetrics(metrics.slice(at, at + listSize))
    lists.push({ facts: `,${POINT_MARK}${list}=`, sequence: `,${SEQUENCE_MARK}${list}=` })
  }
  const assigns = metrics.map((metric, index) => `${index === 0 ? '' : ','}${fieldOf(metric)}=`)
  return { metrics, assigns, lists }
}

/** Whether a point can be stored under this shape without looking at its names any more. */
export function fits({ metrics }: Shape, { values, timestampMs }: Point): boolean {
  if (values.size === 0 || values.size !== metrics.length || !Number.isSafeInteger(timestampMs)) return false
  let index = 0
  for (const [metric, value] of values) if (metric !== metrics[index++] || !Number.isFinite(value)) return false
  return true
}
