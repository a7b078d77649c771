import type { Message, Reading } from '../../../schemas/message.ts'
import type { Fault } from '../../../schemas/rejection.ts'
import type { Random } from './random.ts'

/** A fault that the checker demands to find, by place and reason. */
export type ExpectedFault = Pick<Fault, 'reason' | 'pointer'>

/** What a gateway publishes, and what must become of it. */
export interface PlannedMessage {
  /** Counts up by gateway; every reading carries it as `seq`, so that it can be found in the event log. */
  readonly n: number
  readonly payload: string
  /** Empty when every reading is good. */
  readonly faults: readonly ExpectedFault[]
}

export interface MessageMakerOptions {
  readonly random: Random
  readonly sensors: readonly [string, ...string[]]
  /** Readings have times around this one, each sensor's a millisecond apart, and no two of a sensor the same. */
  readonly aroundMs: number
}

const METRICS = ['power_w', 'energy_wh', 'temperature_c', 'current_a'] as const
const LATE_SHARE = 0.05
const READINGS_MAX = 40
/** Far enough that no clock of a test machine is there. */
const YEAR_2100_MS = 4_102_444_800_000

const BREAKS = ['text-value', 'infinite-value', 'sensor-name', 'seconds', 'far-ahead'] as const

/** Makes the messages of one gateway: mostly one reading, sometimes many, some with bad readings among them, some that are no JSON. */
export function createMessageMaker({ random, sensors, aroundMs }: MessageMakerOptions): () => PlannedMessage {
  const newest = new Map<string, number>()
  const oldest = new Map<string, number>()
  let n = 0

  function timeOf(sensor: string): number {
    const isLate = random.share() < LATE_SHARE
    const [times, step] = isLate ? [oldest, -1] : [newest, 1]
    const ms = (times.get(sensor) ?? aroundMs) + step
    times.set(sensor, ms)
    return ms
  }

  function reading(): Reading {
    const sensor = random.pick(sensors)
    const first = random.below(METRICS.length)
    const metrics = METRICS.slice(first, first + 1 + random.below(3))
    return { sensor, ts: timeOf(sensor), seq: n, values: Object.fromEntries(metrics.map((metric) => [metric, random.float()])) }
  }

  function mixed(count: number, badShare: number): PlannedMessage {
    const faults: ExpectedFault[] = []
    const texts = Array.from({ length: count }, (_, index) => {
      const sound = reading()
      if (random.share() >= badShare) return encodeReading(sound)
      const { text, fault } = spoil(sound, random.pick(BREAKS), index)
      faults.push(fault)
      return text
    })
    return { n, payload: `{"readings":[${texts.join(',')}]}`, faults }
  }

  return () => {
    n++
    const kind = random.share()
    if (kind < 0.7) return mixed(1, 0)
    if (kind < 0.85) return mixed(2 + random.below(READINGS_MAX - 1), 0)
    if (kind < 0.95) return mixed(2 + random.below(10), 0.3)
    if (kind < 0.97) return mixed(1, 1)
    const { payload } = mixed(1, 0)
    return { n, payload: payload.slice(0, -2), faults: [{ reason: 'payload.not-json', pointer: '' }] }
  }
}

/** As `JSON.stringify` would, but for -0, which that turns into 0. */
export function encodeReading({ values, ...rest }: Reading): string {
  const pairs = Object.entries(values).map(([metric, value]) => `"${metric}":${Object.is(value, -0) ? '-0' : value}`)
  return `${JSON.stringify(rest).slice(0, -1)},"values":{${pairs.join(',')}}}`
}

function spoil(sound: Reading, how: (typeof BREAKS)[number], index: number): { text: string; fault: ExpectedFault } {
  const place = `/readings/${index}`
  const [metric = ''] = Object.keys(sound.values)
  const withValue = (value: string): string => encodeReading({ ...sound, values: {} }).replace('{}', `{"${metric}":${value}}`)
  const inValue = { reason: 'reading.value', pointer: `${place}/values/${metric}` } as const
  switch (how) {
    case 'text-value':
      return { text: withValue('"n/a"'), fault: inValue }
    case 'infinite-value':
      return { text: withValue('1e999'), fault: inValue }
    case 'sensor-name':
      return {
        text: encodeReading({ ...sound, sensor: `${sound.sensor} !` }),
        fault: { reason: 'reading.sensor-name', pointer: `${place}/sensor` },
      }
    case 'seconds':
      return {
        text: encodeReading({ ...sound, ts: Math.floor((sound.ts ?? 0) / 1000) }),
        fault: { reason: 'time.in-seconds', pointer: `${place}/ts` },
      }
    case 'far-ahead':
      return {
        text: encodeReading({ ...sound, ts: YEAR_2100_MS }),
        fault: { reason: 'time.too-far-ahead', pointer: `${place}/ts` },
      }
  }
}

/** The readings of a payload that have no fault, as they must come out again. */
export function goodReadings({ payload, faults }: Pick<PlannedMessage, 'payload' | 'faults'>): readonly Reading[] {
  if (faults.some(({ pointer }) => pointer === '')) return []
  const bad = new Set(faults.map(({ pointer }) => Number(pointer.split('/')[2])))
  const { readings }: Message = JSON.parse(payload)
  return readings.filter((_, index) => !bad.has(index))
}
