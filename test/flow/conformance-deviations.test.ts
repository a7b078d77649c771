import t from 'tap'
import { type ByteCase, runByteCases } from './listener/byte-cases.ts'
import { enters, hears, message } from './listener/conversations.ts'
import { acknowledgement, connack, connect, publish, suback, subscribe } from './listener/mqtt-bytes.ts'

// Goal: where the listener does something else than MQTT 3.1.1 says is known, and listed in docs/reference/mqtt-conformance.md.
// Method: as the other conformance tables, but the bytes are what we do. A case that fails here has perhaps been mended: take it off the list.

const deviations: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.3.1-1',
    name: 'a message that is delivered again does not say so with DUP',
    steps: [
      ...enters('s', false),
      ['s', 'sends', subscribe(10, ['t', 1])],
      ['s', 'gets', suback(10, 1)],
      ...enters('p'),
      ['p', 'sends', publish({ ...message, qos: 1, id: 1 })],
      ['s', 'gets', publish({ ...message, qos: 1 })],
      ['s', 'leaves'],
      ...enters('s2', false, true),
      ['s2', 'gets', publish({ ...message, qos: 1 })],
      ['s2', 'answers', 'puback'],
      ['s2', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.9.3-1',
    name: 'a filter that stands twice in a SUBSCRIBE gets one code, that of the last',
    steps: [...enters('s'), ['s', 'sends', subscribe(10, ['t', 0], ['u', 1], ['t', 2])], ['s', 'gets', suback(10, 2, 1)]],
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'a filter with a wildcard gets a message with its own QoS when that is higher',
    steps: [
      ...hears('s', ['+', 1]),
      ...enters('p'),
      ['p', 'sends', publish({ ...message, qos: 2, id: 5 })],
      ['s', 'gets', publish({ ...message, qos: 2 })],
    ],
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'so does it get a retained message',
    steps: [
      ...enters('p'),
      ['p', 'sends', publish({ ...message, isRetained: true, qos: 1, id: 5 })],
      ['p', 'gets', acknowledgement('puback', 5)],
      ...hears('s', ['+', 0]),
      ['s', 'gets', publish({ ...message, isRetained: true, qos: 1 })],
    ],
  },
  {
    clause: 'MQTT-3.2.2-2',
    name: 'a kept session without subscriptions is not called present',
    steps: [...enters('s', false), ['s', 'leaves'], ...enters('s2', false, false)],
  },
  {
    clause: '3.1.2.10',
    name: 'a keep-alive of 0 is held to the limit of the listener',
    limits: { keepAliveMaxSeconds: 1 },
    steps: [
      ['s', 'sends', connect({ keepAlive: 0 })],
      ['s', 'gets', connack(0)],
      ['s', 'is closed'],
    ],
  },
]

runByteCases(t, deviations)
