import { code } from './markdown.ts'
import { isRecord } from './modules.ts'

type Schema = Readonly<Record<string, unknown>>

export interface Field {
  /** `sensors[].latest.*.value`: `[]` is each item, `*` each key. */
  readonly path: string
  readonly type: string
  readonly isRequired: boolean
  readonly meaning: string
}

/** The fields of a JSON schema, outer ones first. */
export function fieldsOf(schema: Schema, prefix = ''): readonly Field[] {
  const required = Array.isArray(schema.required) ? schema.required : []
  const named = isRecord(schema.properties) ? Object.entries(schema.properties) : []
  const others: readonly (readonly [string, unknown])[] = isRecord(schema.additionalProperties)
    ? [['*', schema.additionalProperties]]
    : []
  return [...named, ...others].flatMap(([name, field]) => {
    if (!isRecord(field)) return []
    const path = prefix === '' ? name : `${prefix}.${name}`
    const own = { path, type: typeOf(field), isRequired: name === '*' || required.includes(name), meaning: meaningOf(field) }
    return [own, ...nestedFields(field, path)]
  })
}

/** The type in words, with the values of a closed list. */
export function typeOf(schema: Schema): string {
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => code(String(value))).join(', ')
  if (schema.const !== undefined) return code(String(schema.const))
  if (schema.type === undefined) return alternativesOf(schema).map(typeOf).filter(Boolean).join(' or ')
  const type = [schema.type].flat().join(' or ')
  return type === 'array' && isRecord(schema.items) ? `array of ${typeOf(schema.items)}` : type
}

/** What is allowed beyond the type, in words. */
export function limitsOf({ minimum, maximum, pattern, enum: values, type }: Schema): string {
  if (Array.isArray(values)) return values.map((value) => code(String(value))).join(', ')
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`
  if (minimum !== undefined) return `at least ${minimum}`
  if (maximum !== undefined) return `at most ${maximum}`
  if (pattern !== undefined) return code(String(pattern))
  return type === 'boolean' ? '`true`, `false`' : ''
}

function nestedFields(field: Schema, path: string): readonly Field[] {
  const inner = isRecord(field.items) ? fieldsOf(field.items, `${path}[]`) : []
  return [...inner, ...fieldsOf(field, path), ...alternativesOf(field).flatMap((other) => fieldsOf(other, path))]
}

function alternativesOf({ anyOf, oneOf }: Schema): readonly Schema[] {
  return [anyOf, oneOf].flat().filter(isRecord)
}

function meaningOf({ description }: Schema): string {
  return typeof description === 'string' ? description : ''
}
