// The demo factory's thread: making two weeks of readings is work that the thread with the sockets has no time for.
import { parentPort, workerData } from 'node:worker_threads'
import { createLogger, type LogOptions } from '../../platform/runtime/log.ts'
import { answer } from '../../platform/runtime/thread.ts'
import type { SimulatorOptions, SimulatorProgress } from '../simulator/options.ts'
import { runSimulator } from '../simulator/run.ts'

export interface DemoThreadData {
  readonly logOptions: LogOptions
  readonly simulator: Omit<SimulatorOptions, 'log' | 'onProgress' | 'onLive'>
}

export type DemoCalls = {
  readonly progress: () => { readonly history: SimulatorProgress; readonly isLive: boolean }
  /** Resolves when the gateways have said goodbye. */
  readonly stop: () => Promise<void>
}

const { logOptions, simulator }: DemoThreadData = workerData
const stopping = new AbortController()
let history: SimulatorProgress = { done: 0, total: 0 }
let isLive = false

const ended = runSimulator(
  {
    ...simulator,
    log: createLogger(logOptions),
    onProgress(progress) {
      history = progress
    },
    onLive() {
      isLive = true
    },
  },
  stopping.signal,
)

const calls: DemoCalls = {
  progress: () => ({ history, isLive }),
  async stop() {
    stopping.abort()
    await ended
  },
}
if (parentPort) answer(parentPort, calls, 'admin.unavailable')
