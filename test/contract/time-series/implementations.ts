import t, { type Test } from 'tap'
import { openSeriesReader } from '../../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter, type SeriesLimits } from '../../../platform/adapters/sqlite/series/open-writer.ts'
import type { Point } from '../../../platform/ports/time-series.ts'
import { needsService } from '../../services.ts'

import { openInfluxSeries } from './influx.ts'
import type { OpenedSeries, TenantLimits } from './opened.ts'

export type { OpenedSeries } from './opened.ts'

/** How many values of a batch became what. */
export interface Counts {
  readonly stored?: number
  readonly duplicates?: number
  readonly conflicts?: number
}

export interface SeriesImplementation {
  readonly name: string
  /** Why it can't be had here. */
  readonly skip?: false | string
  /** False where the store can't tell a new value from one that was there: it counts every accepted value as stored. */
  readonly tellsNewValues: boolean
  /** False where rejections go by age alone. */
  readonly limitsRejections: boolean
  /** @param place  A folder; the same for stores that must see the same data. */
  open(place: string, limits?: TenantLimits): Promise<OpenedSeries>
}

const exact = { tellsNewValues: true, limitsRejections: true } as const
const sqlite: SeriesImplementation = { ...exact, name: 'SQLite', open: (place, limits = {}) => openSqlite(place, limits) }

const influx: SeriesImplementation = {
  name: 'InfluxDB',
  skip: needsService('influx'),
  tellsNewValues: false,
  limitsRejections: false,
  open: openInfluxSeries,
}

export const seriesImplementations: readonly SeriesImplementation[] = [
  sqlite,
  {
    ...exact,
    // Every few rows the store puts its rows in order, so that every test meets rows on both sides of it.
    name: 'SQLite, moving rows with each write',
    open: (place, limits = {}) => openSqlite(place, { ...limits, freshRowsMax: 3, moveRowsMax: 2 }),
  },
  {
    ...exact,
    name: 'SQLite, with every sensor busy',
    open: (place, limits = {}) => openSqlite(place, { ...limits, busyRowsMin: 1 }),
  },
  influx,
]

/** Where rows lie makes no difference to rejections. */
export const rejectionImplementations: readonly SeriesImplementation[] = [sqlite, influx]

async function openSqlite(folder: string, limits: Partial<SeriesLimits>): Promise<OpenedSeries> {
  const writer = openSeriesWriter({ folder, limits })
  // Starting a thread is most of a test's time; test/unit/series-reader.test.ts has several.
  const reader = await openSeriesReader({
    folder,
    threads: 1,
    onDeath: (error) => t.fail('A thread ended by itself.', { error }),
  })
  return {
    writer,
    reader,
    async close() {
      await reader.close()
      writer.close()
    },
  }
}

/** What a write says, where nothing was refused unless `counts` says so. */
export function outcomeOf(
  { tellsNewValues }: SeriesImplementation,
  { rejected = [], ...counts }: Counts & { rejected?: readonly object[] },
) {
  const { stored = 0, duplicates = 0, conflicts = 0 } = counts
  if (tellsNewValues) return { rejected, stored, duplicates, conflicts }
  return { rejected, stored: stored + duplicates + conflicts, duplicates: 0, conflicts: 0 }
}

export async function openForTest(t: Test, { open }: SeriesImplementation, limits?: TenantLimits): Promise<OpenedSeries> {
  const series = await open(t.testdir(), limits)
  t.teardown(() => series.close())
  return series
}

export const never = new AbortController().signal
/** 2025-11-24T16:00:00Z, epoch milliseconds. */
export const T0 = 1_764_000_000_000

/** A point of acme's press-1 at T0, received half a second later, unless said otherwise. */
export function point(values: Readonly<Record<string, number>>, changes: Partial<Point> = {}): Point {
  const timestampMs = changes.timestampMs ?? T0
  return {
    tenant: 'acme',
    sensor: 'press-1',
    receivedMs: timestampMs + 500,
    timeSource: 'device',
    ...changes,
    timestampMs,
    values: new Map(Object.entries(values)),
  }
}

/** All metrics of press-1, from the beginning of time to its end. */
export const everything = {
  sensor: 'press-1',
  metrics: [],
  fromMs: Number.MIN_SAFE_INTEGER,
  toMs: Number.MAX_SAFE_INTEGER,
  limit: 10_000,
} as const
