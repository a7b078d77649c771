import { MillraceError } from '../../runtime/errors.ts'
import type { Logger } from '../../runtime/log.ts'
import type { InfluxClient } from './client.ts'
import { isDiskFull } from './unavailable.ts'

/**
 * Guards against an InfluxDB whose disk was full. Once it has room again it answers 204, keeps what it takes in memory alone, and loses it
 * at its next start (influxdata/influxdb#24901, #24460: "Restarting is the solution"). So from the moment that it says its disk is full,
 * nothing that it says is believed until it was started anew; the event log keeps everything until then.
 */
export function createDiskWatch(
  client: InfluxClient,
  { cell, log }: { readonly cell: string; readonly log: Logger },
): InfluxClient {
  /** Set while the server isn't trusted: when it was started, as soon as it has told. */
  let distrusted: { startedAt: number | undefined } | undefined

  async function mustBeAnother(): Promise<void> {
    if (distrusted === undefined) return
    const now = await client.startedAt()
    const before = distrusted.startedAt
    // A server that doesn't tell can't be known again, so it stays as it is until Millrace itself is started anew.
    if (before === undefined || now === undefined || now === before) {
      distrusted.startedAt ??= now
      throw full(cell)
    }
    log.warn({ cell }, 'InfluxDB was started anew after its disk was full; it is written to again.')
    distrusted = undefined
  }

  return {
    ...client,
    async write(lines, to) {
      await mustBeAnother()
      try {
        await client.write(lines, to)
      } catch (error) {
        if (!isDiskFull(error)) throw error
        distrusted ??= { startedAt: await client.startedAt().catch(() => undefined) }
        log.error({ cell, err: error }, ADVICE)
        throw full(cell)
      }
      // Another request may have met the full disk while this one was answered.
      if (distrusted !== undefined) throw full(cell)
    },
  }
}

const ADVICE =
  'The disk of InfluxDB is full. Make room, then start InfluxDB anew: until then it may take readings and lose them, so none are given to it. Nothing is lost; the event log keeps them.'

const full = (cell: string): MillraceError => new MillraceError('time-series.unavailable', ADVICE, { details: { cell } })
