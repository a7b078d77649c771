import { gzipSync } from 'node:zlib'
import { DEPTH_MAX, MESSAGE_BYTES_MAX } from '../../../schemas/message.ts'
import type { Reason } from '../../../schemas/rejection.ts'
import { type Case, SECOND, WHOLE } from '../../unit/ingest/fault-cases.ts'
import { NOW_MS } from '../../unit/ingest/message.ts'
import type { Random } from '../harness/random.ts'
import { createSoundReadings, type Draft, messageOf, pack, type SoundReading, textOf } from './draft.ts'

/** Tables of the unit tests, but for times, which are told by the clock here, and what is large. */
const TEXT_LENGTH_MAX = 100_000
const isUsable = ([reason, , text]: Case): boolean => !reason.startsWith('time.') && text.length < TEXT_LENGTH_MAX
const READING_FAULTS = SECOND.filter(isUsable)
const MESSAGE_FAULTS = WHOLE.filter(isUsable)
const BOMBS = [2, 16, 64].map((sizeMiB) => gzipSync(Buffer.alloc(sizeMiB * 1_048_576)))
/**
 * Each makes any name wrong, wherever it stands. A backslash would too, but V8 has a bug: once a key with a backslash has been parsed, other keys
 * that are written with escapes may be read as that one (nodejs/node#63785). The message is refused all the same, but not always with the same pointer.
 */
const WRONG_LETTERS = [' ', '/', '+', '#', '$', '~', 'é', '😀', '\u0000', '\n', '\ud800', '"', '\u200b'] as const
const YEAR_MS = 365 * 86_400_000

interface BadReading {
  readonly text: string
  readonly reason: Reason
  /** Behind the reading's own. */
  readonly pointer: string
}

/** Messages whose faults are known when they are made: from the way they are broken, not from the code that finds it. */
export function createKnownFaults(random: Random, nowMs: number): Readonly<Record<string, () => Draft>> {
  const soundReading = createSoundReadings(random, nowMs)
  const some = (most: number): readonly SoundReading[] => Array.from({ length: 1 + random.below(most) }, soundReading)
  const soundText = (): string => messageOf(some(6).map(textOf))
  const pick = <T>(items: readonly T[]): T | undefined => items[random.below(items.length)]
  const whole = (reason: Reason, payload: Buffer | string): Draft => ({
    payload: Buffer.from(payload),
    faults: [[reason, '']],
    good: [],
  })

  function fromTable(): BadReading {
    const [reason, pointer, text] = pick(READING_FAULTS) ?? ['reading.schema', '/readings/1', '5']
    return { text: text.replaceAll(String(NOW_MS), String(nowMs)), reason, pointer: pointer.replace('/readings/1', '') }
  }

  function badTime(): BadReading {
    const wrong: readonly (readonly [Reason, number])[] = [
      ['time.in-seconds', Math.floor(nowMs / 1_000) - random.below(1_000_000)],
      ['time.clock-not-set', random.below(500_000_000)],
      ['time.clock-not-set', -random.below(2 ** 40)],
      ['time.too-old', nowMs - 2 * YEAR_MS - random.below(1_000_000)],
      ['time.too-far-ahead', nowMs + YEAR_MS + random.below(1_000_000)],
      ['time.too-far-ahead', nowMs * 1e3],
      ['time.too-far-ahead', nowMs * 1e6],
    ]
    const [reason, ts] = pick(wrong) ?? ['time.clock-not-set', 0]
    return { text: textOf({ ...soundReading(), ts }), reason, pointer: '/ts' }
  }

  function badName(): BadReading {
    const letter = random.pick(WRONG_LETTERS)
    const name = `a${'b'.repeat(random.below(5))}${letter}${'c'.repeat(random.below(5))}`
    const { ts } = soundReading()
    if (random.below(2) === 0)
      return { text: `{"sensor":${JSON.stringify(name)},"values":{"m":1}}`, reason: 'reading.sensor-name', pointer: '/sensor' }
    // Half a surrogate pair can't be pointed to in UTF-8.
    const pointer = name.isWellFormed() ? `/values/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : '/values'
    return {
      text: `{"sensor":"a","ts":${ts},"values":{"m":1,${JSON.stringify(name)}:1}}`,
      reason: 'reading.metric-name',
      pointer,
    }
  }

  const badReading = (): BadReading => random.pick([fromTable, badTime, badName])()

  function mixed(good: readonly SoundReading[], bad: readonly BadReading[]): Draft {
    const readings = [...good, ...bad]
      .map((reading) => ({ reading, place: random.share() }))
      .toSorted((left, right) => left.place - right.place)
    const kept = readings.flatMap(({ reading }) => ('values' in reading ? [reading] : []))
    const faults = readings.flatMap(({ reading }, index) =>
      'reason' in reading ? [[reading.reason, `/readings/${index}${reading.pointer}`] as const] : [],
    )
    const text = messageOf(readings.map(({ reading }) => ('text' in reading ? reading.text : textOf(reading))))
    return { payload: pack(random, text), faults, good: kept }
  }

  return {
    sound: () => mixed(some(8), []),
    'half good': () => mixed(some(6), Array.from({ length: 1 + random.below(4) }, badReading)),
    'bad readings': () => mixed([], Array.from({ length: 1 + random.below(3) }, badReading)),
    'bad message'() {
      const [reason, pointer, text] = pick(MESSAGE_FAULTS) ?? ['payload.empty', '', '']
      return { payload: Buffer.from(text.replaceAll(String(NOW_MS), String(nowMs))), faults: [[reason, pointer]], good: [] }
    },
    truncated() {
      const text = soundText()
      return whole('payload.not-json', text.slice(0, 1 + random.below(text.length - 1)))
    },
    'truncated gzip'() {
      const bytes = gzipSync(soundText())
      return whole('payload.gzip-invalid', bytes.subarray(0, 2 + random.below(bytes.length - 2)))
    },
    deep: () => whole('payload.too-deep', random.pick(['[', '{"a":', '[{"a":[']).repeat(DEPTH_MAX + 1 + random.below(2_000))),
    'bad UTF-8'() {
      const text = Buffer.from(soundText())
      const at = 1 + random.below(text.length - 1)
      return whole(
        'payload.not-utf8',
        Buffer.concat([text.subarray(0, at), Buffer.from([0x80 + random.below(0x80)]), text.subarray(at)]),
      )
    },
    bomb: () => whole('payload.too-large', pick(BOMBS) ?? ''),
    'doubled key'() {
      const key = random.pick(['power_w', 'sensor', 'ts', 'values', 'readings'])
      const spelled = random.pick([key, `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}`])
      return whole('payload.duplicate-key', soundText().replace(`"${key}":`, `"${spelled}":1,"${key}":`))
    },
    huge: () => whole('payload.too-large', ' '.repeat(MESSAGE_BYTES_MAX + 1 + random.below(900))),
  }
}
