declare const proven: unique symbol

/**
 * The right to read one tenant's data. Every reader of the stores takes one, so that data can't be read by naming a tenant alone.
 *
 * Only authentication makes it (a token, a certificate, an operator at the machine): `test/tidy.test.ts` lists the files
 * that may import `proveTenant`.
 */
export interface TenantScope {
  readonly tenant: string
  readonly [proven]: true
}

const scopes = new WeakSet<object>()

/** @param tenant  The tenant id as it was proven, never as it was sent. */
export function proveTenant(tenant: string): TenantScope {
  const scope = Object.freeze({ tenant })
  scopes.add(scope)
  assertScope(scope)
  return scope
}

/** Guards adapters against a scope that was cast or copied instead of proven. */
export function assertScope(scope: object): asserts scope is TenantScope {
  if (!scopes.has(scope)) throw new TypeError('A TenantScope can only come from authentication.')
}
