import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Certificates, secrets and data are made elsewhere in tests. */
export const at = (path: string): string => join(ROOT, path)
export const read = (path: string): string => readFileSync(at(path), 'utf8')

export type Fields = Readonly<Record<string, unknown>>

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
/** A field that holds fields; an empty object where it doesn't. */
export const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {})
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
export const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''

/** With YAML's merge keys, as Compose reads them. */
export const parseYaml = (text: string): Fields => fieldsOf(parse(text, { merge: true }))

export interface AlertRule {
  readonly name: string
  readonly expression: string
  readonly severity: string
  readonly summary: string
  readonly runbook: string
}

export function readAlerts(): readonly AlertRule[] {
  const files = readdirSync(at('deploy/prometheus/rules')).filter((name) => name.endsWith('.yml'))
  const groups = files.flatMap((name) => listOf(parseYaml(read(`deploy/prometheus/rules/${name}`)).groups))
  return groups
    .flatMap((group) => listOf(fieldsOf(group).rules))
    .map(fieldsOf)
    .map(({ alert, expr, labels, annotations }) => ({
      name: textOf(alert),
      expression: textOf(expr),
      severity: textOf(fieldsOf(labels).severity),
      summary: textOf(fieldsOf(annotations).summary),
      runbook: textOf(fieldsOf(annotations).runbook_url),
    }))
}
