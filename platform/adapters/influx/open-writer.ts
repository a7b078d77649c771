import type { CellPlaces } from '../../ports/metadata.ts'
import type { RejectionWriter } from '../../ports/rejections.ts'
import type { Point, ReadBack, TimeSeriesWriter, WriteOutcome } from '../../ports/time-series.ts'
import type { Logger } from '../../runtime/log.ts'
import { type Batch, createBatch } from './batch.ts'
import { type Cell, createCellDirectory } from './cells.ts'
import { type InfluxClient, openInfluxClient } from './client.ts'
import { createDiskWatch } from './disk-watch.ts'
import { findMissing } from './missing.ts'
import { createNameDirectory, type NameDirectory } from './name-directory.ts'
import { type NameLimits, refusalOf } from './names.ts'
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
  /** At least one; each with the token that may write to its buckets and read them. */
  readonly cells: readonly (Cell & { readonly token: string })[]
  readonly places: CellPlaces
  readonly isCompressed?: boolean
  readonly limits?: Partial<InfluxLimits>
  readonly log: Logger
}

export interface InfluxWriter extends TimeSeriesWriter, RejectionWriter, ReadBack {
  close(): void
}

interface OpenCell {
  readonly name: string
  readonly client: InfluxClient
  readonly bucket: string
  readonly names: NameDirectory
}

/** @throws {MillraceError} `config.invalid`. Servers that are away are noticed with the first call. */
export function openInfluxWriter({
  cells,
  places,
  isCompressed = false,
  limits: changed,
  log,
}: InfluxWriterOptions): InfluxWriter {
  const limits = { ...INFLUX_LIMITS, ...changed }
  const open = new Map(cells.map((cell) => [cell.name, openCell(cell)]))
  const directory = createCellDirectory(open, places)

  function openCell({ name, bucket, ...access }: InfluxWriterOptions['cells'][number]): OpenCell {
    const plain = openInfluxClient({ bucket, ...access }, { isCompressed })
    const client = createDiskWatch(plain, { cell: name, log })
    const names = createNameDirectory({ client, bucket, sensorsRememberedMax: limits.sensorsRememberedMax })
    return { name, client, bucket, names }
  }

  async function load(tenants: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    if (tenants.size === 0) return
    await directory.place(tenants)
    const byCell = Map.groupBy(tenants, (tenant) => directory.of(tenant))
    await Promise.all([...byCell].map(([cell, some]) => cell?.names.load(new Set(some), signal)))
  }

  return {
    async write(points, signal) {
      signal.throwIfAborted()
      const batches = new Map<OpenCell, Batch>()
      /** Of tenants that are met for the first time. */
      const waiting: { readonly point: Point; readonly index: number }[] = []
      const unknown = new Set<string>()
      let index = -1
      for (const point of points) {
        index++
        if (unknown.has(point.tenant) || !add(point, index)) {
          waiting.push({ point, index })
          unknown.add(point.tenant)
        }
      }
      await load(unknown, signal)
      for (const { point, index } of waiting) if (!add(point, index)) throw new TypeError('A tenant that was placed has a cell.')
      return merge(await settle([...batches.values()].map((batch) => batch.send(signal))))

      function add(point: Point, index: number): boolean {
        const cell = directory.of(point.tenant)
        const names = cell?.names.of(point.tenant)
        if (cell === undefined || names === undefined) return false
        const batch = batches.get(cell) ?? createBatch({ client: cell.client, bucket: cell.bucket, limits })
        batches.set(cell, batch)
        batch.add(point, index, names)
        return true
      }
    },

    async index(entries) {
      await directory.place(new Set(entries.map(({ tenant }) => tenant)))
      const byCell = Map.groupBy(entries, ({ tenant }) => directory.of(tenant))
      await settle([...byCell].map(async ([cell, some]) => cell && writeRejections(cell, some)))
    },

    async epoch() {
      const started = await Promise.all([...open.values()].map(({ client }) => client.startedAt()))
      return started.join(' ')
    },

    async missing(points, signal) {
      const indexed = points.map((point, index) => ({ point, index }))
      await load(new Set(points.map(({ tenant }) => tenant)), signal)
      // What the writer would refuse was refused then, too: it isn't lost.
      const wanted = indexed.filter(({ point }) => {
        const names = directory.of(point.tenant)?.names.of(point.tenant)
        return names !== undefined && refusalOf(names, point, limits) === undefined
      })
      const byCell = Map.groupBy(wanted, ({ point }) => directory.of(point.tenant))
      return (await settle([...byCell].map(async ([cell, some]) => (cell ? findMissing(cell, some, signal) : [])))).flat()
    },

    close() {
      for (const { client } of open.values()) client.close()
    },
  }
}

/** Waits for all of them, and then fails if one did. */
async function settle<T>(works: readonly Promise<T>[]): Promise<readonly T[]> {
  const ended = await Promise.allSettled(works)
  return ended.map((end) => {
    if (end.status === 'rejected') throw end.reason
    return end.value
  })
}

function merge(outcomes: readonly Pick<WriteOutcome, 'rejected' | 'stored'>[]): WriteOutcome {
  return {
    rejected: outcomes.flatMap(({ rejected }) => rejected).sort((left, right) => left.index - right.index),
    stored: outcomes.reduce((sum, { stored }) => sum + stored, 0),
    duplicates: 0,
    conflicts: 0,
  }
}
