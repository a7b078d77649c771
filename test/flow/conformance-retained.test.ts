import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { enters, hears, message, subscribes } from './listener/conversations.ts'
import { acknowledgement, publish } from './listener/mqtt-bytes.ts'

// Goal: retained messages are kept and delivered as MQTT 3.1.1, chapter 3.3.1.3, says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const retained = { ...message, isRetained: true }
const posts = (...packets: readonly Uint8Array[]): readonly Step[] => [
  ['p', 'sends', ...packets],
  ['p', 'hears nothing'],
]

const retention: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.3.1-6',
    name: 'a new subscription gets the last retained message, with RETAIN set',
    steps: [
      ...enters('p'),
      ...posts(publish({ ...retained, payload: 'old' }), publish(retained)),
      ...hears('s', ['t', 0]),
      ['s', 'gets', publish(retained)],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.3.1-9',
    name: 'a subscription that is there gets a retained message with RETAIN clear',
    steps: [...hears('s', ['t', 0]), ...enters('p'), ...posts(publish(retained)), ['s', 'gets', publish(message)]],
  },
  {
    clause: 'MQTT-3.3.1-10',
    name: 'an empty retained message is delivered, and takes the retained one away',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      ...posts(publish(retained), publish({ topic: 't', isRetained: true })),
      ['s', 'gets', publish(message)],
      ['s', 'gets', publish({ topic: 't' })],
      ...hears('b', ['t', 0]),
      ['b', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.3.1-12',
    name: 'a message without RETAIN leaves the retained one alone',
    steps: [
      ...enters('p'),
      ...posts(publish(retained), publish({ ...message, payload: 'new' })),
      ...hears('s', ['t', 0]),
      ['s', 'gets', publish(retained)],
    ],
  },
  {
    clause: 'MQTT-3.3.1-6',
    name: 'a wildcard gets the retained message of each topic',
    steps: [
      ...enters('p'),
      ...posts(
        publish({ ...retained, topic: 'x/1' }),
        publish({ ...retained, topic: 'x/2' }),
        publish({ ...retained, topic: 'y/3' }),
      ),
      ...hears('s', ['x/#', 0]),
      ['s', 'gets in any order', publish({ ...retained, topic: 'x/1' }), publish({ ...retained, topic: 'x/2' })],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.8.4-3',
    name: 'retained messages are sent again when a filter is subscribed to again',
    steps: [
      ...enters('p'),
      ...posts(publish(retained)),
      ...hears('s', ['t', 0]),
      ['s', 'gets', publish(retained)],
      ...subscribes('s', ['t', 0]),
      ['s', 'gets', publish(retained)],
    ],
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'a retained message of QoS 1 is delivered with QoS 0 to a filter of QoS 0',
    steps: [
      ...enters('p'),
      ['p', 'sends', publish({ ...retained, qos: 1, id: 1 })],
      ['p', 'gets', acknowledgement('puback', 1)],
      ...hears('s', ['t', 0]),
      ['s', 'gets', publish(retained)],
    ],
  },
]

runByteCases(t, retention)
