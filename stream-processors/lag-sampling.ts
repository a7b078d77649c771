import type { EventLogReader } from '../platform/ports/event-log.ts'
import type { Logger } from '../platform/runtime/log.ts'
import type { LoopName, ProcessMetrics } from './metrics.ts'

export interface SampledGroup {
  readonly name: LoopName
  readonly group: string
  readonly topic: string
}

export interface LagSamplingPorts {
  readonly eventLog: Pick<EventLogReader, 'lag'>
  readonly metrics: Pick<ProcessMetrics, 'lag'>
  readonly log: Logger
}

const LAG_EVERY_MS = 2_000

/** Tells every 2 s how far behind each group is, and once that records were deleted before they were processed. */
export function startLagSampling(groups: readonly SampledGroup[], { eventLog, metrics, log }: LagSamplingPorts) {
  const told = new Set<string>()

  async function sample({ name, group, topic }: SampledGroup): Promise<void> {
    const lags = await eventLog.lag(group, topic)
    metrics.lag(name, lags)
    for (const { partition, expired, committed } of lags.filter((lag) => lag.expired > 0)) {
      const place = `${group}/${topic}/${partition}/${committed}`
      if (!told.has(place))
        log.error(
          { ...name, topic, partition, records: expired, nextOffset: committed },
          'The event log deleted records by age that had not been processed. Those of them that belong to this cell are in no store: restore them from a backup of the log, or have the gateways send them again.',
        )
      told.add(place)
    }
  }

  let isSampling = false
  async function sampleAll(): Promise<void> {
    if (isSampling) return
    isSampling = true
    for (const group of groups)
      await sample(group).catch((error: unknown) => log.debug({ ...group.name, err: error }, 'The lag is not known.'))
    isSampling = false
  }

  const timer = setInterval(() => void sampleAll(), LAG_EVERY_MS)
  return { stop: () => clearInterval(timer) }
}
