import type { Test } from 'tap'
import type { Consumer } from '../../../platform/ports/event-log.ts'
import { MillraceError } from '../../../platform/runtime/errors.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { type LoopOptions, type Process, runLoop } from '../../../stream-processors/loop.ts'
import { openLog, single } from '../sqlite-log/open-log.ts'

const quiet = createLogger({ level: 'silent', part: 'test', isPretty: false })
export const away = () => new MillraceError('time-series.unavailable', 'The store is away.')

/** A loop on a real log, one batch after another given to `process`. */
export async function openLoop(
  t: Test,
  process: Process,
  changes: Partial<LoopOptions> & { through?: (real: Consumer) => Consumer } = {},
) {
  const log = await openLog(t)
  const real = await log.join('group', ['single'])
  const consumer = changes.through?.(real) ?? real
  const stop = new AbortController()
  const counts = { batches: 0, records: 0, retries: 0 }
  const loop = runLoop(
    {
      name: { processor: 'store', cell: 'main' },
      consumer,
      process,
      limit: { recordsMax: 10, bytesMax: 10_000 },
      gatherMs: 0,
      log: quiet,
      onBatch(records) {
        counts.batches++
        counts.records += records
      },
      onRetry: () => counts.retries++,
      ...changes,
    },
    stop.signal,
  )
  loop.catch(() => undefined)
  t.teardown(() => stop.abort())
  const committed = async (): Promise<number> => (await log.lag('group', 'single'))[0]?.committed ?? 0
  /** @returns how long the loop took to end, in milliseconds. */
  async function end(): Promise<number> {
    const startMs = performance.now()
    stop.abort()
    await loop
    return performance.now() - startMs
  }
  return { log, loop, counts, committed, end, append: (...values: readonly string[]) => log.append(values.map(single)) }
}
