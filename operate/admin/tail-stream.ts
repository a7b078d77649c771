import { PassThrough, Readable } from 'node:stream'
import { toErrorMessage } from '../../platform/runtime/errors.ts'
import type { TailEntry } from '../operations/tail-entry.ts'

/** An empty line this often tells the reader that the process still lives while nothing comes. */
export const HEARTBEAT_EVERY_MS = 2_000

/** Entries as NDJSON. An error that comes after the status line has gone is the last line: `{"error":{…}}`. */
export function toNdjson(entries: AsyncIterable<TailEntry>): Readable {
  const stream = new PassThrough()
  // The first beat makes the head of the response leave at once.
  stream.write('\n')
  const beat = setInterval(() => stream.writableNeedDrain || stream.write('\n'), HEARTBEAT_EVERY_MS)
  stream.on('close', () => clearInterval(beat))
  const lines = Readable.from(toLines(entries))
  lines.on('end', () => clearInterval(beat))
  stream.on('close', () => lines.destroy())
  return lines.pipe(stream)
}

async function* toLines(entries: AsyncIterable<TailEntry>): AsyncGenerator<string> {
  try {
    for await (const entry of entries) yield `${JSON.stringify(entry)}\n`
  } catch (error) {
    yield `${JSON.stringify({ error: toErrorMessage(error, 'event-log.unavailable') })}\n`
  }
}
