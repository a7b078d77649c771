import t from 'tap'
import { readTailParameters } from '../../operate/operations/tail.ts'
import { entriesOf } from '../../operate/operations/tail-entry.ts'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import { encodeEnvelope } from '../../schemas/envelope.ts'
import { REJECTION_HEADERS } from '../../schemas/rejection.ts'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../schemas/topics.ts'

const RECEIVED_MS = 1_764_000_000_500
const place = { key: 'acme/gw-1', partition: 1, offset: 7, timestampMs: RECEIVED_MS }

function readings(message: unknown): LogRecord {
  const payload = Buffer.from(JSON.stringify(message))
  const value = encodeEnvelope({ codec: 'json', receivedMs: RECEIVED_MS, traceparent: '', payload })
  return { ...place, topic: READINGS_TOPIC, value }
}

t.test('a message gives an entry for each of its readings, with the time of receipt where it has none', async (t) => {
  const record = readings({
    readings: [
      { sensor: 'press-1', ts: 1_764_000_000_000, quality: 'bad', seq: 3, values: { power_w: 1.5 } },
      { sensor: 'press-2', values: { power_w: -0 } },
    ],
  })
  t.match(entriesOf(record), [
    { sensor: 'press-1', ts: '2025-11-24T16:00:00.000Z', timeSource: 'device', quality: 'bad', seq: 3, values: { power_w: 1.5 } },
    {
      sensor: 'press-2',
      ts: '2025-11-24T16:00:00.500Z',
      timeSource: 'receipt',
      tenant: 'acme',
      gateway: 'gw-1',
      partition: 1,
      offset: 7,
    },
  ])
})

t.test('a reading that was rejected is left out, and its neighbours are shown', async (t) => {
  const record = readings({
    readings: [
      { sensor: 'press-1', values: { 'Bad Name': 1 } },
      { sensor: 'press-2', values: { power_w: 1 } },
    ],
  })
  t.match(entriesOf(record), [{ sensor: 'press-2' }])
})

t.test('a record that can not be read gives nothing', async (t) => {
  t.same(entriesOf({ ...place, topic: READINGS_TOPIC, value: Buffer.from('{') }), [])
  t.same(entriesOf({ ...readings({ readings: [] }), key: 'nonsense' }), [])
})

t.test('a rejected message gives an entry for each fault, with its meaning', async (t) => {
  const faults = [
    { reason: 'reading.value', pointer: '/readings/0', detail: 'one' },
    { reason: 'time.too-old', pointer: '/readings/1/ts', detail: 'two' },
  ]
  const headers = { [REJECTION_HEADERS.faults]: JSON.stringify(faults), [REJECTION_HEADERS.stage]: 'ingest' }
  const entries = entriesOf({ ...place, topic: REJECTED_TOPIC, value: Buffer.from('12345'), headers })
  t.match(entries, [
    { reason: 'reading.value', pointer: '/readings/0', meaning: /finite/, sizeBytes: 5 },
    { reason: 'time.too-old', pointer: '/readings/1/ts', detail: 'two' },
  ])
})

t.test('a rejected message without a list of faults gives the one in its plain headers', async (t) => {
  const headers = { [REJECTION_HEADERS.reason]: 'from.the-future', [REJECTION_HEADERS.faults]: 'not json' }
  t.match(entriesOf({ ...place, topic: REJECTED_TOPIC, value: Buffer.from('x'), headers }), [
    { reason: 'from.the-future', meaning: /newer/ },
  ])
})

t.test('what may be asked of a tail is checked', async (t) => {
  t.throws(() => readTailParameters({ topic: 'secrets' }), { code: 'usage.invalid' })
  t.throws(() => readTailParameters({ topic: 'readings', tenant: 'A/B' }), { code: 'usage.invalid', message: /lower-case/ })
  t.throws(() => readTailParameters({ topic: 'readings', unknown: 1 }), { code: 'usage.invalid' })
})
