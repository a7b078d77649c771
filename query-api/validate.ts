import { MillraceError } from '../platform/runtime/errors.ts'
import { compileForText, type SchemaError } from '../schemas/compile.ts'

/** As much of a parameters' schema as explaining an error needs. */
export interface ParametersSchema {
  readonly properties: Readonly<Record<string, ParameterSchema>>
}

interface ParameterSchema {
  readonly type: string | readonly string[]
  readonly description?: string
  readonly items?: ParameterSchema
}

const WHOLE_NUMBER = /^\d{1,15}$/

export type Validated = { readonly value: object } | { readonly error: MillraceError }

/**
 * Compiles the schema of a path or a query. Text becomes the schema's types; a parameter that may be repeated becomes an array
 * even when it stands there once; one that may not, and one the schema doesn't know, are refused.
 *
 * @returns a function whose error is a `query.invalid` that names every wrong parameter in its details.
 */
export function compileParameters(schema: ParametersSchema): (input: object) => Validated {
  const validate = compileForText<object>(schema)

  return (input) => {
    const value: object = Object.fromEntries(
      Object.entries(input).map(([name, given]) => [name, read(given, schema.properties[name])]),
    )
    if (validate(value)) return { value }
    const details = Object.fromEntries((validate.errors ?? []).map((error) => explain(error, schema)))
    const message = Object.entries(details).map(([parameter, detail]) => `${parameter}: ${detail}`)
    return { error: new MillraceError('query.invalid', message.join(' '), { details }) }
  }
}

function read(given: unknown, schema: ParameterSchema | undefined): unknown {
  if (schema?.type === 'array') return Array.isArray(given) ? given : [given]
  // ajv turns "Infinity" and "0x10" into numbers too, and then finds Infinity within every limit. An object is a number to nobody.
  if (schema?.type === 'integer' && !WHOLE_NUMBER.test(String(given))) return {}
  return given
}

function explain(error: SchemaError, { properties }: ParametersSchema): readonly [string, string] {
  const parameter = error.instancePath.split('/')[1] ?? ''
  const schema = properties[parameter]
  switch (error.keyword) {
    case 'additionalProperties':
      return [
        String(error.params.additionalProperty),
        `There is no such parameter here. There are: ${Object.keys(properties).join(', ')}.`,
      ]
    case 'required':
      return [String(error.params.missingProperty), 'It is needed.']
    case 'enum':
      return [parameter, `It must be one of: ${Object.values(error.params.allowedValues).join(', ')}.`]
    case 'pattern':
      return [parameter, `It must be: ${schema?.items?.description ?? schema?.description ?? 'as the documentation says'}.`]
    case 'type':
      return [parameter, `It ${error.message}${schema?.type === 'array' ? '' : ', and stand there once'}.`]
    default:
      return [parameter, `It ${error.message}.`]
  }
}
