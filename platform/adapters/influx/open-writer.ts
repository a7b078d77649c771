import { setImmediate as turn } from 'node:timers/promises'
import type { RejectionWriter } from '../../ports/rejections.ts'
import type { Point, ReadBack, TimeSeriesWriter, WriteOutcome } from '../../ports/time-series.ts'
import type { Logger } from '../../runtime/log.ts'
import { type Batch, createBatch } from './batch.ts'
import type { Cell } from './cells.ts'
import { openInfluxClient } from './client.ts'
import { createDiskWatch } from './disk-watch.ts'
import { findMissing, findMissingRejections } from './missing.ts'
import { createNameDirectory } from './name-directory.ts'
import { type NameLimits, refusalOf, type TenantNames } from './names.ts'
import { writeRejections } from './write-rejections.ts'

export interface InfluxLimits extends NameLimits {
  readonly sensorsRememberedMax: number
}

export const INFLUX_LIMITS: InfluxLimits = {
  sensorsPerTenantMax: 100_000,
  metricsPerTenantMax: 1_000,
  sensorsRememberedMax: 200_000,
}

export interface InfluxWriterOptions {
  /** With the token that may write to its buckets and read them. */
  readonly cell: Cell & { readonly token: string }
  readonly isCompressed?: boolean
  readonly limits?: Partial<InfluxLimits>
  readonly log: Logger
}

export interface InfluxWriter extends TimeSeriesWriter, RejectionWriter, ReadBack {
  close(): void
}

/**
 * Writes to one cell. That the tenants of what it is given live there is its caller's business.
 *
 * @throws {MillraceError} `config.invalid`. A server that is away is noticed with the first call.
 */
export function openInfluxWriter({ cell, isCompressed = false, limits: changed, log }: InfluxWriterOptions): InfluxWriter {
  const limits = { ...INFLUX_LIMITS, ...changed }
  const { name, bucket } = cell
  const client = createDiskWatch(openInfluxClient(cell, { isCompressed }), { cell: name, log })
  const names = createNameDirectory({ client, bucket, sensorsRememberedMax: limits.sensorsRememberedMax })

  return {
    async write(points, signal, mayLeave) {
      signal.throwIfAborted()
      const batch = createBatch({ client, bucket, limits, signal, mayLeave })
      try {
        return await fill(batch, points, signal)
      } catch (error) {
        await batch.giveUp()
        throw error
      }
    },

    index: (entries) => writeRejections({ client, bucket }, entries),

    epoch: async () => String(await client.startedAt()),

    async missing(points, signal) {
      await names.load(new Set(points.map(({ tenant }) => tenant)), signal)
      const indexed = points.map((point, index) => ({ point, index }))
      // What the writer would refuse was refused then, too: it isn't lost.
      const wanted = indexed.filter(({ point }) => refusalOf(loaded(point.tenant), point, limits) === undefined)
      return findMissing({ client, bucket }, wanted, signal)
    },

    missingRejections: (entries, signal) => findMissingRejections({ client, bucket }, entries, signal),

    close: client.close,
  }

  async function fill(batch: Batch, points: Iterable<Point>, signal: AbortSignal): Promise<WriteOutcome> {
    /** Of tenants that are met for the first time. */
    const waiting: { readonly point: Point; readonly index: number }[] = []
    const unknown = new Set<string>()
    let index = -1
    for (const point of points) {
      index++
      const known = unknown.has(point.tenant) ? undefined : names.of(point.tenant)
      if (known === undefined) {
        waiting.push({ point, index })
        unknown.add(point.tenant)
      } else if (batch.add(point, index, known)) await turn()
    }
    if (unknown.size > 0) await names.load(unknown, signal)
    for (const { point, index } of waiting) if (batch.add(point, index, loaded(point.tenant))) await turn()
    const { rejected, stored } = await batch.send()
    return { rejected: rejected.toSorted((left, right) => left.index - right.index), stored, duplicates: 0, conflicts: 0 }
  }

  function loaded(tenant: string): TenantNames {
    const found = names.of(tenant)
    if (found === undefined) throw new TypeError('A tenant whose names were loaded has names.')
    return found
  }
}
