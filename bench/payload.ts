/** Bytes of one PUBLISH that can be sent again and again with other times and another packet id, without building it anew. */
export interface Template {
  readonly bytes: Buffer
  /** Where the packet id lies. */
  readonly idAt: number
  /** Where each 13-digit time lies. */
  readonly timesAt: readonly number[]
  /** How many times a message covers. */
  readonly times: number
}

const VALUES = { power_w: 1234.5, energy_wh: 998877.25, temperature_c: 21.25, current_a: 3.5 }
export const VALUES_PER_READING = Object.keys(VALUES).length
const PLACEHOLDER = '1000000000000'

/** A QoS 1 PUBLISH (MQTT 3.1.1, 3.3): one reading of each of the sensors at each of `times` times, 4 values each. */
export function createTemplate(topic: string, sensors: readonly string[], times: number): Template {
  const readings = Array.from({ length: times }, () => sensors)
    .flat()
    .map((sensor, index) => {
      const values = Object.entries(VALUES).map(([metric, value]) => `"${metric}":${value + index / 8}`)
      return `{"sensor":"${sensor}","ts":${PLACEHOLDER},"values":{${values.join(',')}}}`
    })
  const payload = Buffer.from(`{"readings":[${readings.join(',')}]}`)
  const topicBytes = Buffer.from(topic)
  const remaining = 2 + topicBytes.length + 2 + payload.length
  const header = [0x32, ...encodeLength(remaining), topicBytes.length >> 8, topicBytes.length & 0xff]
  const bytes = Buffer.concat([Buffer.from(header), topicBytes, Buffer.alloc(2), payload])
  const idAt = header.length + topicBytes.length
  const timesAt: number[] = []
  for (let at = bytes.indexOf(PLACEHOLDER); at >= 0; at = bytes.indexOf(PLACEHOLDER, at + 1)) timesAt.push(at)
  return { bytes, idAt, timesAt, times }
}

/** A copy with this packet id, whose readings are those of the milliseconds from `firstMs` on. */
export function fill({ bytes, idAt, timesAt, times }: Template, packetId: number, firstMs: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt16BE(packetId, idAt)
  const perTime = timesAt.length / times
  for (let time = 0; time < times; time++) {
    const digits = String(firstMs + time)
    for (let index = time * perTime; index < (time + 1) * perTime; index++) copy.write(digits, timesAt[index] ?? 0, 'latin1')
  }
  return copy
}

function encodeLength(length: number): readonly number[] {
  const bytes: number[] = []
  for (let rest = length; bytes.length === 0 || rest > 0; rest = Math.floor(rest / 128))
    bytes.push((rest % 128) + (rest >= 128 ? 128 : 0))
  return bytes
}
