import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import type { CertificateAuthority } from '../../platform/ports/certificate-authority.ts'
import type { EventLogReader } from '../../platform/ports/event-log.ts'
import type { Metadata } from '../../platform/ports/metadata.ts'
import { type ErrorCode, MillraceError } from '../../platform/runtime/errors.ts'
import { compile, firstError } from '../../schemas/compile.ts'

/** Operations look at the event log, and belong to no group. */
export type LogView = Pick<EventLogReader, 'partitions' | 'read' | 'offsetsAt'>

/** What operations work on, inside the running process and directly on the stores alike. */
export interface OperationPorts {
  readonly metadata: Metadata
  readonly authority: CertificateAuthority
  readonly log: LogView
  /** Epoch milliseconds, UTC. */
  readonly clock: () => number
}

/** One thing an operator can do. Parameters and result are JSON, so that they cross a socket unchanged. */
export interface Operation<P, R> {
  /** @throws {MillraceError} `usage.invalid` when the parameters break their schema, and what the operation names itself. */
  perform(ports: OperationPorts, parameters: unknown): Promise<R>
  /** @throws {MillraceError} `usage.invalid`, naming the parameter and its rule. */
  readParameters(input: unknown): P
  /** @throws {MillraceError} `admin.unavailable` when another version of Millrace gave a result that this one doesn't know. */
  readResult(output: unknown): R
}

export interface ObjectSchema {
  readonly type: 'object'
  readonly additionalProperties: false
  readonly required: readonly string[]
  /** A `description` is a rule in words: it becomes the error message. */
  readonly properties: Readonly<Record<string, { readonly description?: string; readonly [keyword: string]: unknown }>>
}

interface Definition<P, R> {
  readonly parameters: ObjectSchema
  readonly result: object
  run(ports: OperationPorts, parameters: P): Promise<R>
}

type Of<S> = S extends JSONSchema ? FromSchema<S> : never

/** Types come from the two schemas. Computing them inside the body too would be too deep for the compiler, hence the overload. */
export function defineOperation<const P extends ObjectSchema, const R extends object>(
  definition: Definition<Of<P>, Of<R>> & { readonly parameters: P; readonly result: R },
): Operation<Of<P>, Of<R>>
export function defineOperation(definition: Definition<unknown, unknown>): Operation<unknown, unknown> {
  const readParameters = createParameterReader<unknown>(definition.parameters)
  const readResult = createReader<unknown>(definition.result, (problem) => {
    const reason = `The running Millrace answered in a form that this version doesn't know (${problem}).`
    return new MillraceError('admin.unavailable', `${reason} Use the same version for both: restart it.`)
  })
  return {
    readParameters,
    readResult,
    async perform(ports, parameters) {
      return await definition.run(ports, readParameters(parameters))
    },
  }
}

/** Checks parameters against their schema; the error says the rule in the words of the schema's `description`. */
export function createParameterReader<T>(schema: ObjectSchema): (input: unknown) => T {
  return createReader<T>(schema, (problem, pointer) => {
    const field = pointer.split('/')[1] ?? ''
    const rule = schema.properties[field]?.description
    const message =
      rule === undefined ? `The parameters are not valid: ${problem}.` : `The value of ${field} is not valid. It must be ${rule}.`
    return new MillraceError('usage.invalid', message, { details: { pointer } })
  })
}

type Refusal = (problem: string, pointer: string) => MillraceError

function createReader<T>(schema: object, refuse: Refusal): (input: unknown) => T {
  let compiled: ReturnType<typeof compile<T>> | undefined
  return (input) => {
    // A command runs one operation: compiling all of them first would take longer than the command.
    compiled ??= compile<T>(schema)
    const validate = compiled
    if (validate(input)) return input
    const error = firstError(validate)
    const name = error?.params.additionalProperty ?? error?.params.missingProperty
    const problem = [error?.instancePath, error?.message, name].filter((part) => part !== undefined && part !== '').join(' ')
    throw refuse(problem, error?.instancePath ?? '')
  }
}

/** For a thing that isn't there: the same sentence from every operation. */
export function unknown(code: ErrorCode, what: string, advice: string): MillraceError {
  return new MillraceError(code, `There is no ${what}. ${advice}`)
}
