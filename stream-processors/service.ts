import type { EventLog } from '../platform/ports/event-log.ts'
import type { SensorStore } from '../platform/ports/metadata.ts'
import type { RejectionWriter } from '../platform/ports/rejections.ts'
import type { ReadBack, TimeSeriesWriter } from '../platform/ports/time-series.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { type CellShare, WHOLE_STORE } from './cell-share.ts'
import type { ProcessConfig } from './config.ts'
import { consumerGroup, PROCESSORS, type Processor, TOPICS } from './consumer-groups.ts'
import { createIndexRejections } from './index-rejections.ts'
import { startLagSampling } from './lag-sampling.ts'
import { type LoopOptions, type Process, runLoop } from './loop.ts'
import type { ProcessMetrics } from './metrics.ts'
import { type ReadBackPorts, withReadBack } from './read-back.ts'
import { restoringReadings, restoringRejections } from './restoring.ts'
import { keepRetention, type Retention } from './retention.ts'
import { createStoreReadings } from './store-readings.ts'

/** What the processors of one store, or of one cell of it, work on. */
export interface ProcessPorts {
  readonly eventLog: EventLog
  readonly series: TimeSeriesWriter
  readonly rejections: RejectionWriter
  readonly sensors: Pick<SensorStore, 'recordSensors'>
  /** `WHOLE_STORE` when left out. */
  readonly share?: CellShare
  /** Where the store may lose what it has acknowledged. */
  readonly readBack?: ReadBack
  /** Where the store doesn't delete by itself. */
  readonly retention?: Retention
}

export interface ProcessSurroundings {
  readonly config: ProcessConfig
  readonly log: Logger
  readonly metrics: ProcessMetrics
  /** A processor ended with an error that retrying can't mend: the process must stop. */
  readonly onDeath: (error: Error) => void
}

type Work = Pick<LoopOptions, 'process' | 'upkeep'>

/** Rejections take no part in the race for throughput. */
const REJECTIONS_PER_BATCH_MAX = 1_000

/** Event log in, store out: one loop for each processor. */
export async function startProcessors(
  ports: ProcessPorts,
  { config, log, metrics, onDeath }: ProcessSurroundings,
): Promise<Running> {
  const { eventLog, share = WHOLE_STORE, retention, readBack } = ports
  const cell = share.name
  const stopping = new AbortController()
  const loops: Promise<void>[] = []
  const surroundings = { log, clock: Date.now, onReplayed: metrics.replayed }

  async function start(processor: Processor, { process, upkeep }: Work, recordsMax: number): Promise<void> {
    const name = { processor, cell }
    metrics.begin(name)
    const consumer = await eventLog.join(consumerGroup(processor, cell), [TOPICS[processor]])
    const limit = { recordsMax, bytesMax: config.MILLRACE_PROCESS_BATCH_BYTES_MAX }
    const onBatch = (count: number, durationMs: number): void => metrics.batch(name, count, durationMs)
    const onRetry = (): void => metrics.retried(name)
    const gatherMs = config.MILLRACE_PROCESS_GATHER_MS
    const options = { name, consumer, process: ofShare(process, share), limit, gatherMs, log, onBatch, onRetry }
    loops.push(runLoop({ ...options, ...(upkeep && { upkeep }) }, stopping.signal).catch(onDeath))
  }

  try {
    await start('store', createStore(), config.MILLRACE_PROCESS_BATCH_RECORDS_MAX)
    await start('rejections', createIndex(), REJECTIONS_PER_BATCH_MAX)
  } catch (error) {
    stopping.abort()
    await Promise.all(loops)
    throw error
  }
  if (retention) loops.push(keepRetention({ retention, days: config.MILLRACE_RETENTION_DAYS, log }, stopping.signal))

  function createStore(): Work {
    const process = createStoreReadings(ports, metrics, cell)
    if (readBack === undefined) return { process }
    return withReadBack(process, readBackPorts('store', readBack), restoringReadings(ports.series, readBack), surroundings)
  }

  function createIndex(): Work {
    const process = createIndexRejections(ports.rejections, log)
    if (readBack === undefined) return { process }
    const restoring = restoringRejections(ports.rejections, readBack)
    return withReadBack(process, readBackPorts('rejections', readBack), restoring, surroundings)
  }

  function readBackPorts(processor: Processor, { epoch }: ReadBack): ReadBackPorts {
    return { eventLog, group: consumerGroup(processor, cell), epoch, share }
  }

  const groups = PROCESSORS.map((processor) => ({
    name: { processor, cell },
    group: consumerGroup(processor, cell),
    topic: TOPICS[processor],
  }))
  const sampling = startLagSampling(groups, { eventLog, metrics, log })
  return {
    name: 'stream-processors',
    async stop() {
      sampling.stop()
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

/** The processor sees its own cell's records only; all of them are committed. */
function ofShare(process: Process, share: CellShare): Process {
  return async (records, signal, batch) => {
    const own = await share.own(records)
    if (own.length > 0) await process(own, signal, batch)
  }
}
