import { isGatewayId, isSensorId } from '../../../schemas/names.ts'
import { isReason } from '../../../schemas/rejection.ts'
import type { CellPlaces } from '../../ports/metadata.ts'
import type { RejectionReader } from '../../ports/rejections.ts'
import { assertScope, type TenantScope } from '../../ports/tenant-scope.ts'
import type { TimeSeriesReader } from '../../ports/time-series.ts'
import { MillraceError } from '../../runtime/errors.ts'
import { type Cell, createCellDirectory } from './cells.ts'
import { openInfluxClient } from './client.ts'
import { readRejection, readRejections } from './read-rejections.ts'
import { createCellReader } from './reader.ts'

export interface InfluxReaderOptions {
  /** At least one; each with the token that may read its buckets. */
  readonly cells: readonly (Cell & { readonly token: string })[]
  readonly places: CellPlaces
}

export interface InfluxReader extends TimeSeriesReader, RejectionReader {
  /** Resolves when a cell answers: the others' tenants are served all the same. @throws {MillraceError} `time-series.unavailable`. */
  ping(): Promise<void>
  close(): void
}

/** Rows or entries of one call. */
const ROWS_MAX = 50_000
const SENSORS_MAX = 1_000
const NOTHING: readonly never[] = []

/** Every method refuses a forged scope with a TypeError, and too many rows or sensors with `query.invalid`. @throws {MillraceError} `config.invalid`. */
export function openInfluxReader({ cells, places }: InfluxReaderOptions): InfluxReader {
  const open = cells.map(({ name, bucket, ...access }) => {
    const client = openInfluxClient({ bucket, ...access })
    return { name, client, bucket, reader: createCellReader({ client, bucket }) }
  })
  const directory = createCellDirectory(new Map(open.map((cell) => [cell.name, cell])), places)

  /** @returns undefined for a tenant of which nothing was ever stored. */
  async function cellOf(scope: TenantScope, signal: AbortSignal) {
    assertScope(scope)
    signal.throwIfAborted()
    const cell = await directory.find(scope.tenant)
    signal.throwIfAborted()
    return cell
  }

  return {
    async range(scope, query, signal) {
      assertScope(scope)
      checkCount(query.limit, ROWS_MAX)
      const cell = await cellOf(scope, signal)
      return cell === undefined || !isSensorId(query.sensor) ? NOTHING : cell.reader.range(scope, query, signal)
    },
    async latest(scope, sensors, signal) {
      assertScope(scope)
      const names = [...new Set(sensors)].filter(isSensorId)
      if (names.length === 0) return NOTHING
      checkCount(names.length, SENSORS_MAX)
      return (await cellOf(scope, signal))?.reader.latest(scope, names, signal) ?? NOTHING
    },
    async rejections(scope, query, signal) {
      assertScope(scope)
      checkCount(query.limit, ROWS_MAX)
      const cell = await cellOf(scope, signal)
      const { gateway, reason } = query
      const isNone = (gateway !== undefined && !isGatewayId(gateway)) || (reason !== undefined && !isReason(reason))
      return cell === undefined || isNone ? NOTHING : readRejections(cell, scope, query, signal)
    },
    async rejection(scope, key, signal) {
      const cell = await cellOf(scope, signal)
      return cell === undefined ? undefined : readRejection(cell, scope, key, signal)
    },
    async ping() {
      await Promise.any(open.map(({ client }) => client.startedAt())).catch((all: unknown) => {
        throw all instanceof AggregateError ? all.errors[0] : all
      })
    },
    close() {
      for (const { client } of open) client.close()
    },
  }
}

function checkCount(count: number, max: number): void {
  if (Number.isInteger(count) && count > 0 && count <= max) return
  throw new MillraceError('query.invalid', `Ask for 1 to ${max} at once, not for ${count}.`)
}
