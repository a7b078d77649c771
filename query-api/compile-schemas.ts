import type { FastifyInstance } from 'fastify'
import { compileParameters, type ParametersSchema } from './validate.ts'

const schemaOf = new WeakMap<object, ReturnType<typeof compileParameters>>()

/**
 * Has parameters validated by our own ajv, in `schemas/compile.ts`, and answers written by `JSON.stringify`: Fastify's own
 * serializer drops what a schema doesn't name and turns -0 into 0. The tests compare every answer with its schema.
 */
export function compileSchemas(app: FastifyInstance): void {
  app.setValidatorCompiler<ParametersSchema>(({ schema }) => {
    // A route and its HEAD share one schema.
    const known = schemaOf.get(schema)
    if (known !== undefined) return known
    const compiled = compileParameters(schema)
    schemaOf.set(schema, compiled)
    return compiled
  })
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer))
}
