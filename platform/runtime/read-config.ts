import { compileForText } from '../../schemas/compile.ts'
import { MillraceError } from './errors.ts'

/** The schema of one part's settings: a property for each variable of the environment, with its default and a description. */
export interface ConfigSchema {
  readonly type: 'object'
  readonly properties: Readonly<Record<string, object>>
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the settings of several parts. @typeParam T  An object type for each schema, by the same name. */
export interface ConfigReader<T> {
  readonly schema: ConfigSchema
  readonly validate: ReturnType<typeof compileForText<T>>
}

export function createConfigReader<T>(schema: ConfigSchema): ConfigReader<T> {
  return { schema, validate: compileForText<T>({ ...schema, $id: undefined, additionalProperties: false }) }
}

/**
 * Picks a part's variables from the environment. An empty variable counts as left out.
 *
 * @param problems  Filled with one sentence for each variable that is wrong; the caller reports those of all parts together.
 */
export function readConfig<T>(
  { schema, validate }: ConfigReader<T>,
  environment: Environment,
  problems: string[],
): T | undefined {
  const picked: unknown = Object.fromEntries(
    Object.keys(schema.properties)
      .map((name) => [name, environment[name]])
      .filter(([, text]) => text !== undefined && text !== ''),
  )
  // Coercion takes `Infinity` and `0x10` for numbers too, and lets the first past every maximum.
  const odd = Object.keys(schema.properties).filter((name) => isInteger(schema.properties[name]) && isOdd(environment[name]))
  for (const name of odd) problems.push(`${name}: must be a whole number, written with digits`)
  if (validate(picked) && odd.length === 0) return picked
  for (const { instancePath, message } of validate.errors ?? []) {
    const name = instancePath.slice(1)
    if (!odd.includes(name)) problems.push(`${name || 'settings'}: ${message}`)
  }
  return undefined
}

const isInteger = (property: object = {}): boolean => 'type' in property && property.type === 'integer'
const isOdd = (text: string | undefined): boolean => text !== undefined && text !== '' && !/^-?\d{1,15}$/.test(text)

const PREFIX = 'MILLRACE_'

/** A variable with our prefix that no part knows is a slip of the pen, and would be ignored in silence. */
export function findUnknown(environment: Environment, schemas: readonly ConfigSchema[]): readonly string[] {
  const known = new Set(schemas.flatMap(({ properties }) => Object.keys(properties)))
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .map((name) => `${name}: no such setting; docs/reference/configuration.md lists them all`)
}

/** @throws {MillraceError} `config.invalid`, with every problem, if there is any. */
export function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new MillraceError('config.invalid', `The settings are not valid:\n  ${problems.join('\n  ')}`)
}
