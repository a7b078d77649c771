import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'

/** `$data` stays off: with it, ajv evaluates patterns that come from the input (CVE-2025-69873). */
const ajv = new Ajv2020({ strict: true, allErrors: false, $data: false, useDefaults: true, coerceTypes: false })
const ajvOfText = new Ajv2020({ strict: true, allErrors: true, $data: false, useDefaults: true, coerceTypes: true })

/**
 * Compiles a schema, once, at start. ajv is used here and nowhere else.
 * The validator stops at the first error, so that its cost doesn't grow with how wrong the input is.
 *
 * @typeParam T  The schema's type, `FromSchema<typeof schema>`.
 */
export function compile<T>(schema: object): ValidateFunction<T> {
  return ajv.compile<T>(schema)
}

/** For the environment and flags: turns text into the schema's types, fills in defaults, and reports every error. */
export function compileForText<T>(schema: object): ValidateFunction<T> {
  return ajvOfText.compile<T>(schema)
}

export type SchemaError = ErrorObject

/** The first error of the last run of `validate`; undefined after it succeeded. */
export function firstError(validate: ValidateFunction<unknown>): SchemaError | undefined {
  return validate.errors?.[0]
}
