import { openSeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import type { CellPlaces } from '../../platform/ports/metadata.ts'
import type { RejectionReader } from '../../platform/ports/rejections.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import type { TimeSeriesReader } from '../../platform/ports/time-series.ts'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { ThreadSeries } from '../../stream-processors/main.ts'
import { assertCells } from './assert-cells.ts'
import { type InfluxSettings, withTokens } from './influx-settings.ts'

export interface SeriesPlace {
  readonly folder: string
  readonly influx?: InfluxSettings | undefined
  readonly places: CellPlaces
  readonly threads: number
  readonly onDeath: (error: Error) => void
}

export interface SeriesStore extends Running {
  readonly reader: TimeSeriesReader & RejectionReader
  ping(): Promise<unknown>
}

const PING_TIMEOUT_MS = 2_000

/** InfluxDB where it is set, otherwise SQLite in the data folder. */
export async function openSeriesStore({ folder, influx, places, threads, onDeath }: SeriesPlace): Promise<SeriesStore> {
  if (influx !== undefined) {
    await assertCells(influx, places)
    // Loaded where it is used: without InfluxDB, its client takes no memory.
    const { openInfluxReader } = await import('../../platform/adapters/influx/open-reader.ts')
    const reader = openInfluxReader({ cells: withTokens(influx, 'read'), places })
    return { name: 'series-reader', reader, ping: reader.ping, stop: async () => reader.close() }
  }
  const reader = await openSeriesReader({ folder, threads, onDeath })
  const ping = () => reader.latest(proveTenant('readyz'), ['none'], AbortSignal.timeout(PING_TIMEOUT_MS))
  return { name: 'series-reader', reader, ping, stop: reader.close }
}

/** What the processors' thread needs to open the store for writing. @throws {MillraceError} `config.invalid`. */
export function seriesForThread(folder: string, influx: InfluxSettings | undefined): ThreadSeries {
  if (influx === undefined) return { kind: 'sqlite', folder }
  return { kind: 'influx', cells: withTokens(influx, 'write'), isCompressed: influx.isCompressed }
}
