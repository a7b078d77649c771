import { enrolGateway, listGateways, revokeGateway, rotateGateway } from './gateways.ts'
import { inspectStores } from './inspect.ts'
import { certifyListener } from './listeners.ts'
import type { Operation, OperationPorts } from './operation.ts'
import { readTailParameters, type TailParameters, tail } from './tail.ts'
import type { TailEntry } from './tail-entry.ts'
import { addTenant, listTenants } from './tenants.ts'
import { createToken, listTokens, revokeToken } from './tokens.ts'

/** Everything an operator can do, by name. The names are part of the admin interface. */
export const OPERATIONS = {
  'tenants.add': addTenant,
  'tenants.list': listTenants,
  'gateways.enrol': enrolGateway,
  'gateways.list': listGateways,
  'gateways.revoke': revokeGateway,
  'gateways.rotate': rotateGateway,
  'tokens.create': createToken,
  'tokens.list': listTokens,
  'tokens.revoke': revokeToken,
  'listeners.certify': certifyListener,
  'stores.inspect': inspectStores,
} as const

type Table = typeof OPERATIONS
export type OperationName = keyof Table
export type ParametersOf = { readonly [N in OperationName]: Table[N] extends Operation<infer P, unknown> ? P : never }
export type ResultOf = { readonly [N in OperationName]: Table[N] extends Operation<unknown, infer R> ? R : never }

/** The same table, typed so that a name picks its parameters and its result. */
export const operationsByName: { readonly [N in OperationName]: Operation<ParametersOf[N], ResultOf[N]> } = OPERATIONS

export function isOperationName(text: string): text is OperationName {
  return Object.hasOwn(OPERATIONS, text)
}

/** The operator's hand: on the stores in this process, or on those of the running process through its admin socket. */
export interface Operations {
  /** @throws {MillraceError} what the operation throws; `admin.unavailable` when the running process doesn't answer. */
  call<N extends OperationName>(name: N, parameters: ParametersOf[N]): Promise<ResultOf[N]>
  /** Accepted readings or rejected messages as they come; see `TailParameters`. */
  tail(parameters: TailParameters, signal: AbortSignal): AsyncIterable<TailEntry>
}

export function createOperations(ports: OperationPorts): Operations {
  return {
    call: (name, parameters) => operationsByName[name].perform(ports, parameters),
    tail: (parameters, signal) => tail(ports, readTailParameters(parameters), signal),
  }
}
