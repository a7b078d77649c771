import type { RejectionReader, RejectionWriter } from '../../../platform/ports/rejections.ts'
import type { TimeSeriesReader, TimeSeriesWriter } from '../../../platform/ports/time-series.ts'

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
