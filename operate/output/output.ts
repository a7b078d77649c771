import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number }
}

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold'

/** Where a command writes: what was asked for on standard output, everything else on standard error. */
export interface Output {
  readonly isJson: boolean
  /** A person can be asked: both ends are a terminal. */
  readonly isInteractive: boolean
  readonly streams: Streams
  /** Prints the result, once: as one JSON value, or as text. */
  result(value: unknown, text: string): void
  /** One line of many; resolves when the reader has room for more. */
  line(text: string): Promise<void>
  /** For the person at the terminal; silent with `--json`. */
  note(text: string): void
  paint(colour: Colour, text: string): string
}

export interface OutputOptions {
  readonly isJson: boolean
  readonly isColoured: boolean
}

export function createOutput(streams: Streams, { isJson, isColoured }: OutputOptions): Output {
  const { stdin, stdout, stderr } = streams
  return {
    isJson,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    streams,
    result(value, text) {
      stdout.write(isJson ? `${JSON.stringify(value)}\n` : `${text}\n`)
    },
    async line(text) {
      if (!stdout.write(`${text}\n`)) await roomIn(stdout)
    },
    note(text) {
      if (!isJson) stderr.write(`${text}\n`)
    },
    paint: (colour, text) => (isColoured ? styleText(colour, text, { validateStream: false }) : text),
  }
}

/** A reader that has gone never drains; then the stream closes, which ends the wait as well. */
function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writableNeedDrain) return resolve()
    const end = () => {
      stream.off('drain', end)
      stream.off('close', end)
      resolve()
    }
    stream.on('drain', end)
    stream.on('close', end)
  })
}
