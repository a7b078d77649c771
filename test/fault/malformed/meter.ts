// Loaded into the product before anything else (`node --import`), for what can't be seen from outside. It writes down every turn of the main thread's
// event loop that took long, with what of it was the machine's doing: the product's own metric of the loop's delay can't tell a slow turn from a
// processor that was busy elsewhere. And on SIGUSR2 it collects garbage, and writes down what is held after that.
import { appendFileSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { isMainThread } from 'node:worker_threads'

/** What is written down, one as JSON a line. */
export type Figure = LongTurn | Held

export interface LongTurn {
  readonly kind: 'turn'
  /** When it ended, epoch milliseconds. */
  readonly atMs: number
  /** Between two ticks of a timer that is always due, so one turn at most, and a little idleness. */
  readonly tookMs: number
  /** Of that, how long the thread was ready to run and had no processor. */
  readonly waitedMs: number
  /** Of that, how long the thread ran; the rest it waited for another thread, such as those that help to collect garbage. */
  readonly ranMs: number
}

export interface Held {
  readonly kind: 'held'
  /** By JavaScript of the main thread, in its heap and in buffers. */
  readonly bytes: number
}

const TICK_MS = 5
const LONG_MS = 25

function startMeter(path: string): void {
  const write = (figure: Figure): void => appendFileSync(path, `${JSON.stringify(figure)}\n`)
  let lastMs = performance.now()
  let lastWaitedMs = waitedMs()
  let lastRanMs = ranMs()

  function tick(): void {
    const nowMs = performance.now()
    const nowWaitedMs = waitedMs()
    const nowRanMs = ranMs()
    const tookMs = nowMs - lastMs - TICK_MS
    if (tookMs > LONG_MS)
      write({ kind: 'turn', atMs: Date.now(), tookMs, waitedMs: nowWaitedMs - lastWaitedMs, ranMs: nowRanMs - lastRanMs })
    lastMs = nowMs
    lastWaitedMs = nowWaitedMs
    lastRanMs = nowRanMs
  }

  setInterval(tick, TICK_MS).unref()
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  process.on('SIGUSR2', () => {
    tick()
    // The first one only marks buffers for the second one to free.
    collectGarbage()
    collectGarbage()
    const { heapUsed, external } = process.memoryUsage()
    write({ kind: 'held', bytes: heapUsed + external })
    // This turn was ours.
    lastMs = performance.now()
  })
}

/** The first thread of a process has its id; the second figure is the time in the run queue, nanoseconds (Linux, sched-stats.rst). */
function waitedMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[1]) / 1e6
}

function ranMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

if (isMainThread && process.env.METER_FILE !== undefined) startMeter(process.env.METER_FILE)
