import type { TenantStore } from '../../platform/ports/metadata.ts'

const REMEMBERED_MS = 60_000
const TENANTS_MAX = 100_000

/** Whether a tenant is there, asked of the registry once a minute for each. */
export function createKnownTenants(
  registry: Pick<TenantStore, 'tenant'>,
  clock: () => number,
): (tenant: string) => Promise<boolean> {
  const asked = new Map<string, { readonly untilMs: number; readonly answer: Promise<boolean> }>()

  return (tenant) => {
    const known = asked.get(tenant)
    if (known !== undefined && known.untilMs > clock()) return known.answer
    if (asked.size >= TENANTS_MAX) asked.clear()
    const answer = registry.tenant(tenant).then((found) => found !== undefined)
    asked.set(tenant, { untilMs: clock() + REMEMBERED_MS, answer })
    // What could not be answered, and a tenant that was not there a moment ago, are asked for again.
    answer.then(
      (isThere) => isThere || asked.delete(tenant),
      () => asked.delete(tenant),
    )
    return answer
  }
}
