import type { Logger } from '../../runtime/log.ts'
import { onDamagedBatch } from './records/speed-up.ts'

const TOLD_EVERY_MS = 30_000

/** Says that a batch in Kafka is damaged; it is met again with each fetch, and once is enough for a while. */
export function logDamage(log: Logger): void {
  let toldMs = Number.NEGATIVE_INFINITY
  onDamagedBatch((err) => {
    if (performance.now() - toldMs < TOLD_EVERY_MS) return
    toldMs = performance.now()
    log.error(
      { err, offset: err.firstOffset },
      'A record batch in Kafka is damaged. Its partition stands still there, and its lag grows; the others go on. See docs/how-to/use-kafka.md, "A damaged batch".',
    )
  })
}
