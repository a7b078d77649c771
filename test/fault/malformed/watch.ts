import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

/** How finely Node samples the event loop; a sample counts this much too long (`LOOP_LAG_RESOLUTION_MS` of the product). */
const RESOLUTION_MS = 10
const SAMPLE_EVERY_MS = 200

/** One look at the product. */
export interface Sample {
  /** The longest that the event loop of its main thread was held since the look before. */
  readonly stallMs: number
  /** How long that thread was ready to run in that time, and had no processor: the machine's doing. */
  readonly waitedMs: number
  /** What JavaScript of that thread holds, with what is waiting to be collected. */
  readonly heldBytes: number
  /** What the product was doing. */
  readonly phase: string
}

export interface Watch {
  readonly samples: readonly Sample[]
  /** Names what comes now. */
  enter(phase: string): void
  /** A sum over the series of a metric that have this label. */
  metric(name: string, label?: string): Promise<number>
  residentBytes(): Promise<number>
  stop(): Promise<void>
}

/** Watches the event loop of a process from outside, through its metrics, which give the longest delay since they were asked for last. */
export async function startWatch(metricsUrl: string, pid: number): Promise<Watch> {
  const samples: Sample[] = []
  const stopping = new AbortController()

  let waitedBeforeMs = await waitedMs()
  let current = ''

  async function waitedMs(): Promise<number> {
    // The first thread of a process has its id.
    const [, waitedNs] = (await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')).split(' ')
    return Number(waitedNs) / 1e6
  }

  /** Whoever asks for the metrics begins a new span, so each look is a sample. */
  async function look(): Promise<string> {
    const page = await fetchOnce(metricsUrl)
    const waitedNowMs = await waitedMs()
    const delayMs = read(page, 'nodejs_eventloop_lag_max_seconds', '') * 1_000
    // Nothing was measured when two looks lie too close together.
    if (delayMs > 0)
      samples.push({
        phase: current,
        stallMs: delayMs - RESOLUTION_MS,
        waitedMs: waitedNowMs - waitedBeforeMs,
        heldBytes: read(page, 'nodejs_heap_size_used_bytes', '') + read(page, 'nodejs_external_memory_bytes', ''),
      })
    waitedBeforeMs = waitedNowMs
    return page
  }

  async function watch(): Promise<void> {
    while (!stopping.signal.aborted) {
      await look()
      await setTimeout(SAMPLE_EVERY_MS)
    }
  }

  // What happened during the start is not looked at.
  await look()
  samples.length = 0
  const watching = watch()
  return {
    samples,
    enter(phase) {
      current = phase
    },
    metric: async (name, label = '') => read(await look(), name, label),
    async residentBytes() {
      return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
    },
    async stop() {
      stopping.abort()
      await watching
    },
  }
}

/** On a connection of its own: one that is kept may be closed by the other side just when it is used again. */
async function fetchOnce(url: string): Promise<string> {
  const [response]: IncomingMessage[] = await once(get(url, { agent: false }), 'response')
  return response === undefined ? '' : text(response)
}

function read(page: string, name: string, label: string): number {
  return page
    .split('\n')
    .filter((line) => line.startsWith(name) && /[ {]/.test(line[name.length] ?? '') && line.includes(label))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}
