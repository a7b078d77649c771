import {
  type FluxParameterLike,
  fluxDateTime,
  fluxExpression,
  fluxInteger,
  fluxRegExp,
  flux as fluxTag,
} from '@influxdata/influxdb-client'

/** A query whose every variable part was escaped: nothing else can be run. */
export interface Flux extends FluxParameterLike {
  toString(): string
}

/** A value that stands in a query: a string becomes a string literal, a number an integer, a piece of Flux stays what it is. */
export type FluxValue = string | number | FluxParameterLike

/**
 * The only way to a query: `flux\`from(bucket: ${bucket})\``. What is put in becomes a literal of its type, whatever it holds.
 *
 * @throws {TypeError} for a number that isn't a whole one, and for a string with control characters.
 */
export function flux(strings: TemplateStringsArray, ...values: readonly FluxValue[]): Flux {
  return fluxExpression(fluxTag(strings, ...values.map(toLiteral)).toString())
}

function toLiteral(value: FluxValue): string | FluxParameterLike {
  if (typeof value === 'number') return integer(value)
  if (typeof value === 'string' && UNSAYABLE.test(value))
    throw new TypeError('A string with control characters is no literal of Flux.')
  return value
}

/** Flux has escapes for tab, line feed and carriage return, and none of these may stand in a literal as they are. */
const UNSAYABLE = /(?![\t\n\r])\p{Cc}/u

export function integer(value: number): FluxParameterLike {
  if (!Number.isSafeInteger(value)) throw new TypeError(`${value} is not a whole number.`)
  return fluxInteger(value)
}

/** InfluxDB keeps int64 nanoseconds, and a time literal has a year of four digits: no reading lies outside of either. */
const TIME_MIN_MS = -9_223_372_036_854
const TIME_MAX_MS = 9_223_372_036_854

/** @param ms  Epoch milliseconds; those that InfluxDB can't hold become the nearest ones that it can. */
export function instant(ms: number): FluxParameterLike {
  return fluxDateTime(new Date(Math.min(Math.max(ms, TIME_MIN_MS), TIME_MAX_MS)).toISOString())
}

/** Whether the column holds one of the values, in a way that the storage engine can answer by itself. */
export function isOneOf(column: 'tenant' | 'sensor' | '_field', values: readonly string[]): FluxParameterLike {
  if (values.length === 0) return fluxExpression('false')
  const tests = values.map((value) => flux`r[${column}] == ${value}`.toString())
  return fluxExpression(`(${tests.join(' or ')})`)
}

/** The tables of all of them. @param parts  At least one. */
export function unionOf(parts: readonly Flux[]): Flux {
  // `union` asks for two.
  const [first, second] = parts
  if (first !== undefined && second === undefined) return first
  return fluxExpression(`union(tables: [${parts.map(String).join(', ')}])`)
}

/** @param pattern  Made by us; Flux and JavaScript agree on what we use of it. */
export const fluxPattern = (pattern: RegExp): FluxParameterLike => fluxRegExp(pattern)
