import { SingleBar } from 'cli-progress'
import type { Output } from './output.ts'

/** A log file needs a line now and then, not a bar that is drawn ten times a second. */
const LINE_EVERY_SHARE = 0.1

export interface Progress {
  update(state: { readonly done: number; readonly total: number }): void
  /** Ends the bar, so that other lines may follow. Safe to call twice. */
  stop(): void
}

/** On standard error: a bar on a terminal, plain lines elsewhere, nothing with `--json`. */
export function createProgress({ isJson, streams: { stderr } }: Output, title: string): Progress {
  if (isJson) return { update: () => undefined, stop: () => undefined }
  return stderr.isTTY === true ? createBar(stderr, title) : createLines(stderr, title)
}

function createBar(stream: NodeJS.WritableStream, title: string): Progress {
  const bar = new SingleBar({
    stream,
    format: `${title} [{bar}] {percentage} % | {value}/{total} | {eta_formatted} left`,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    hideCursor: true,
    etaBuffer: 50,
  })
  let isStarted = false
  let isStopped = false
  return {
    update({ done, total }) {
      if (total === 0 || isStopped) return
      if (!isStarted) bar.start(total, done)
      else bar.update(done)
      isStarted = true
      if (done >= total) this.stop()
    },
    stop() {
      if (isStarted && !isStopped) bar.stop()
      isStopped = true
    },
  }
}

function createLines(stream: NodeJS.WritableStream, title: string): Progress {
  let nextShare = 0
  return {
    update({ done, total }) {
      const share = total === 0 ? 0 : done / total
      if (total === 0 || share < nextShare) return
      nextShare = Math.floor(share / LINE_EVERY_SHARE + 1) * LINE_EVERY_SHARE
      stream.write(`${title}: ${done} of ${total} (${Math.floor(share * 100)} %)\n`)
    },
    stop: () => undefined,
  }
}
