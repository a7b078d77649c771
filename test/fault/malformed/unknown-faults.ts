import { gzipSync } from 'node:zlib'
import type { Random } from '../harness/random.ts'
import { createSoundReadings, messageOf, textOf } from './draft.ts'

const DEPTH_MAX = 4
const BYTES_MAX = 300

/** Payloads of which nobody can say beforehand what is wrong with them, or whether anything is. */
export function createUnknownFaults(random: Random, nowMs: number): Readonly<Record<string, () => Buffer>> {
  const soundReading = createSoundReadings(random, nowMs)
  const soundText = (): string => messageOf(Array.from({ length: 1 + random.below(3) }, () => textOf(soundReading())))
  const bytes = (): Buffer => Buffer.from(Array.from({ length: 1 + random.below(BYTES_MAX) }, () => random.below(256)))

  function flip(original: Buffer): Buffer {
    const copy = Buffer.from(original)
    const at = random.below(copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8))
    return copy
  }

  function json(depth: number): string {
    const inner = (): string => json(depth + 1)
    const list = (item: () => string): string => Array.from({ length: random.below(4) }, item).join(',')
    const name = (): string =>
      JSON.stringify(random.pick(['readings', 'sensor', 'ts', 'values', 'm', '__proto__', 'constructor', '']))
    const leaf = (): string => random.pick(['null', 'true', '0', '-0', '1e400', String(nowMs), '"a"', '""', '{}', '[]'])
    if (depth >= DEPTH_MAX) return leaf()
    return random.pick([leaf, () => `[${list(inner)}]`, () => `{${list(() => `${name()}:${inner()}`)}}`])()
  }

  return {
    'random bytes': bytes,
    'random bytes as gzip': () => Buffer.concat([Buffer.from([0x1f, 0x8b]), bytes()]),
    'a bit flipped': () => flip(Buffer.from(soundText())),
    'a bit of gzip flipped': () => flip(gzipSync(soundText())),
    'any JSON': () => Buffer.from(json(0)),
    'JSON in the place of readings': () => Buffer.from(messageOf([json(1), textOf(soundReading()), json(2)])),
  }
}
