import { MessageChannel } from 'node:worker_threads'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { LogOptions } from '../../platform/runtime/log.ts'
import { answer, startThread } from '../../platform/runtime/thread.ts'
import type { ProcessConfig } from '../../stream-processors/config.ts'
import type {
  MetadataCallsOfProcessors,
  ProcessorCalls,
  ProcessorThreadData,
  ThreadLog,
  ThreadSeries,
} from '../../stream-processors/main.ts'

/** A batch of 4 MiB of messages becomes some 100 MiB of points at most. */
const HEAP_MAX_MIB = 1_024
/** Beside everything else in one process: little. */
const YOUNG_MAX_MIB = 9
/** Alone in one: a batch should die before it is copied twice. A quarter of the CPU was collection with the other figure. */
const YOUNG_ALONE_MAX_MIB = 96

export interface ProcessorThreadOptions {
  readonly folder: string
  readonly config: ProcessConfig
  readonly logOptions: LogOptions
  readonly eventLog: ThreadLog
  readonly series: ThreadSeries
  readonly crashAt?: string
  /** True where the processors are all that runs in this process. */
  readonly isAlone: boolean
  readonly metadata: MetadataCallsOfProcessors
  readonly onDeath: (error: Error) => void
}

export interface ProcessorThread extends Running {
  /** Resolves when the loops run; rejects once the thread is gone. */
  ready(): Promise<void>
  metrics(): ReturnType<ProcessorCalls['metrics']>
}

/** Runs the stream-processors on their own thread; see docs/decisions/0003. */
export async function startProcessorThread(options: ProcessorThreadOptions): Promise<ProcessorThread> {
  const { folder, config, logOptions, eventLog, series, crashAt, metadata, isAlone, onDeath } = options
  const { port1, port2 } = new MessageChannel()
  const calls: MetadataCallsOfProcessors = {
    recordSensors: (sensors) => metadata.recordSensors(sensors),
    placeTenants: (tenants, cells) => metadata.placeTenants(tenants, cells),
    tenantsByCell: () => metadata.tenantsByCell(),
  }
  answer(port1, calls, 'metadata.unavailable')
  const thread = startThread<ProcessorCalls>({
    module: new URL('../../stream-processors/main.ts', import.meta.url),
    data: {
      folder,
      config,
      logOptions,
      eventLog,
      series,
      metadataPort: port2,
      ...(crashAt !== undefined && { crashAt }),
    } satisfies ProcessorThreadData,
    transfer: eventLog.kind === 'sqlite' ? [eventLog.port, port2] : [port2],
    unavailable: 'time-series.unavailable',
    heapMaxMiB: HEAP_MAX_MIB,
    youngMaxMiB: isAlone ? YOUNG_ALONE_MAX_MIB : YOUNG_MAX_MIB,
    onDeath,
  })
  try {
    await thread.call('ready')
  } catch (error) {
    // What it had opened, it would keep open, and with it the process.
    port1.close()
    await thread.terminate()
    throw error
  }
  return {
    name: 'stream-processors',
    ready: () => thread.call('ready'),
    metrics: () => thread.call('metrics'),
    async stop() {
      await thread.call('stop')
      port1.close()
      await thread.terminate()
    },
  }
}
