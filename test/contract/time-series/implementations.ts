import t, { type Test } from 'tap'
import { openSeriesReader } from '../../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter, type SeriesLimits } from '../../../platform/adapters/sqlite/series/open-writer.ts'
import type { RejectionReader, RejectionWriter } from '../../../platform/ports/rejections.ts'
import type { Point, TimeSeriesReader, TimeSeriesWriter } from '../../../platform/ports/time-series.ts'

export interface OpenedSeries {
  readonly writer: TimeSeriesWriter & RejectionWriter
  readonly reader: TimeSeriesReader & RejectionReader
  close(): Promise<void>
}

/** Limits that every store of readings has. */
export interface TenantLimits {
  readonly sensorsPerTenantMax?: number
  readonly metricsPerTenantMax?: number
  readonly rejectionsPerTenantMax?: number
}

export interface SeriesImplementation {
  readonly name: string
  /** @param place  A folder; the same for stores that must see the same data. */
  open(place: string, limits?: TenantLimits): Promise<OpenedSeries>
}

const sqlite: SeriesImplementation = { name: 'SQLite', open: (place, limits = {}) => openSqlite(place, limits) }

export const seriesImplementations: readonly SeriesImplementation[] = [
  sqlite,
  {
    // Every few rows the store puts its rows in order, so that every test meets rows on both sides of it.
    name: 'SQLite, moving rows with each write',
    open: (place, limits = {}) => openSqlite(place, { ...limits, freshRowsMax: 3, moveRowsMax: 2 }),
  },
  {
    name: 'SQLite, with every sensor busy',
    open: (place, limits = {}) => openSqlite(place, { ...limits, busyRowsMin: 1 }),
  },
]

/** Where rows lie makes no difference to rejections. */
export const rejectionImplementations: readonly SeriesImplementation[] = [sqlite]

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
