import { InfluxDB } from '@influxdata/influxdb-client'
import { AuthorizationsAPI, BucketsAPI, OrgsAPI } from '@influxdata/influxdb-client-apis'
import type { InfluxAccess } from './client.ts'
import { agentFor, rejectedBucket } from './client.ts'
import { asUnavailable, statusOf } from './unavailable.ts'

export interface BucketReport {
  readonly name: string
  readonly state: 'made' | 'there' | 'other-retention'
  readonly retentionDays: number
}

export interface Retentions {
  readonly readingsDays: number
  readonly rejectedDays: number
}

const DAY_SECONDS = 86_400
const UNAUTHORIZED = 401

/**
 * Makes the buckets that aren't there. One that is keeps its retention, whatever is asked for: a shorter one would delete. The report says so.
 *
 * @param admin  Its token may make buckets. The organization must be there.
 * @throws {MillraceError} `time-series.unavailable`, `config.invalid`.
 */
export async function ensureBuckets(
  admin: InfluxAccess,
  { readingsDays, rejectedDays }: Retentions,
): Promise<readonly BucketReport[]> {
  return withApis(admin, async ({ influx, orgID }) => {
    const api = new BucketsAPI(influx)
    const ensure = async (name: string, days: number): Promise<BucketReport> => {
      const { buckets = [] } = await api.getBuckets({ orgID, name }).catch(asNothing)
      const [found] = buckets
      if (found === undefined) {
        await api.postBuckets({ body: { orgID, name, retentionRules: [{ type: 'expire', everySeconds: days * DAY_SECONDS }] } })
        return { name, state: 'made', retentionDays: days }
      }
      const retentionDays = (found.retentionRules?.[0]?.everySeconds ?? 0) / DAY_SECONDS
      return { name, state: retentionDays === days ? 'there' : 'other-retention', retentionDays }
    }
    return [await ensure(admin.bucket, readingsDays), await ensure(rejectedBucket(admin.bucket), rejectedDays)]
  })
}

/** How many tokens there are that `makeToken` has made. @throws {MillraceError} `time-series.unavailable`. */
export async function countTokens(admin: InfluxAccess, may: 'read' | 'write'): Promise<number> {
  return withApis(admin, async ({ influx, orgID }) => {
    const { authorizations = [] } = await new AuthorizationsAPI(influx).getAuthorizations({ orgID })
    return authorizations.filter(({ description }) => description === nameOf(admin, may)).length
  })
}

const nameOf = ({ bucket }: InfluxAccess, may: 'read' | 'write'): string => `millrace, ${may}, ${bucket}`

/** Makes a token that may read the buckets, or read and write them, and do nothing else. @throws {MillraceError} `time-series.unavailable`. */
export async function makeToken(admin: InfluxAccess, may: 'read' | 'write'): Promise<string> {
  return withApis(admin, async ({ influx, orgID }) => {
    const buckets = new BucketsAPI(influx)
    const ids = await Promise.all(
      [admin.bucket, rejectedBucket(admin.bucket)].map(
        async (name) => (await buckets.getBuckets({ orgID, name })).buckets?.[0]?.id,
      ),
    )
    const actions = may === 'read' ? (['read'] as const) : (['read', 'write'] as const)
    const permissions = ids.flatMap((id) =>
      actions.map((action) => ({ action, resource: { type: 'buckets' as const, orgID, ...(id !== undefined && { id }) } })),
    )
    const made = await new AuthorizationsAPI(influx).postAuthorizations({
      body: { orgID, description: nameOf(admin, may), permissions },
    })
    if (made.token === undefined) throw new Error('the server made no token')
    return made.token
  })
}

/** Whether the server knows the token, as it does not after it was set up anew. @throws {MillraceError} `time-series.unavailable`. */
export async function isTokenKnown(access: InfluxAccess): Promise<boolean> {
  return withClient(access, async (influx) => {
    try {
      await new BucketsAPI(influx).getBuckets({ limit: 1 })
      return true
    } catch (error) {
      if (statusOf(error) === UNAUTHORIZED) return false
      throw error
    }
  })
}

interface Apis {
  readonly influx: InfluxDB
  readonly orgID: string
}

function withApis<T>(admin: InfluxAccess, work: (apis: Apis) => Promise<T>): Promise<T> {
  return withClient(admin, async (influx) => {
    const { orgs = [] } = await new OrgsAPI(influx).getOrgs({ org: admin.org })
    const orgID = orgs[0]?.id
    if (orgID === undefined) throw new Error(`the organization ${admin.org} is not there`)
    return work({ influx, orgID })
  })
}

/** @throws {MillraceError} `time-series.unavailable`. */
async function withClient<T>(access: InfluxAccess, work: (influx: InfluxDB) => Promise<T>): Promise<T> {
  const agent = agentFor(access)
  try {
    return await work(new InfluxDB({ url: access.url, token: access.token, transportOptions: { agent } }))
  } catch (error) {
    throw asUnavailable(error)
  } finally {
    agent.destroy()
  }
}

/** A bucket that isn't there is a 404 to some versions. */
const asNothing = (): { buckets?: never[] } => ({})
