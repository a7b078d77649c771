import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { enters, hears, message, subscribes } from './listener/conversations.ts'
import { acknowledgement, connack, connect, DISCONNECT, publish } from './listener/mqtt-bytes.ts'

// Goal: sessions are kept, taken over and ended as MQTT 3.1.1, chapter 4.1, says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const many = Array.from({ length: 20 }, (_, index) => index + 1)
const posts = (...packets: readonly Uint8Array[]): readonly Step[] => [
  ['p', 'sends', ...packets],
  ['p', 'hears nothing'],
]

const sessions: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.1.4-2',
    name: 'a client that comes again with the same id takes over, and the older connection is closed',
    steps: [...enters('s'), ...enters('s2'), ['s', 'is closed'], ['s2', 'hears nothing']],
  },
  {
    clause: 'MQTT-3.1.4-2',
    name: 'a third takes over from the second',
    steps: [...enters('s'), ...enters('s2'), ['s', 'is closed'], ...enters('s3'), ['s2', 'is closed'], ['s3', 'hears nothing']],
  },
  {
    clause: 'MQTT-3.2.2-2',
    name: 'a session that was kept is there when its client comes back, and its subscriptions hold',
    steps: [
      ...enters('s', false),
      ...subscribes('s', ['t', 1]),
      ['s', 'sends', DISCONNECT],
      ['s', 'is closed'],
      ...enters('s2', false, true),
      ...enters('p'),
      ['p', 'sends', publish({ ...message, qos: 1, id: 1 })],
      ['s2', 'gets', publish({ ...message, qos: 1 })],
    ],
  },
  {
    clause: 'MQTT-3.1.2-5',
    name: 'what came at QoS 1 and 2 while the client was away is delivered when it comes back',
    steps: [
      ...enters('s', false),
      ...subscribes('s', ['t', 2]),
      ['s', 'leaves'],
      ...enters('p'),
      ['p', 'sends', publish({ topic: 't', payload: '1', qos: 1, id: 1 }), publish({ topic: 't', payload: '2', qos: 2, id: 2 })],
      ['p', 'gets', acknowledgement('puback', 1)],
      ['p', 'gets', acknowledgement('pubrec', 2)],
      ...enters('s2', false, true),
      ['s2', 'gets in any order', publish({ topic: 't', payload: '1', qos: 1 }), publish({ topic: 't', payload: '2', qos: 2 })],
    ],
  },
  {
    clause: 'MQTT-4.6.0-6',
    name: 'what came while the client was away is delivered in order',
    steps: [
      ...enters('s', false),
      ...subscribes('s', ['t', 1]),
      ['s', 'leaves'],
      ...enters('p'),
      ...many.map((id): Step => ['p', 'sends', publish({ topic: 't', payload: `${id}`, qos: 1, id })]),
      ...many.map((id): Step => ['p', 'gets', acknowledgement('puback', id)]),
      ...enters('s2', false, true),
      ...many.map((id): Step => ['s2', 'gets', publish({ topic: 't', payload: `${id}`, qos: 1 })]),
    ],
  },
  {
    clause: 'MQTT-4.4.0-1',
    name: 'a QoS 2 message that the client has answered goes on with PUBREL when it comes back',
    steps: [
      ...enters('s', false),
      ...subscribes('s', ['t', 2]),
      ...enters('p'),
      ['p', 'sends', publish({ ...message, qos: 2, id: 1 })],
      ['s', 'gets', publish({ ...message, qos: 2 })],
      ['s', 'answers', 'pubrec'],
      ['s', 'gets pubrel'],
      ['s', 'leaves'],
      ['s2', 'sends', connect({ id: 's', isClean: false })],
      ['s2', 'gets', connack(0, true)],
      ['s2', 'gets pubrel', 's'],
    ],
  },
  {
    clause: 'MQTT-3.1.2-6',
    name: 'a clean session drops the one before it, and itself when it ends',
    steps: [
      ...enters('s', false),
      ...subscribes('s', ['t', 1]),
      ['s', 'sends', DISCONNECT],
      ['s', 'is closed'],
      ...enters('s2'),
      ['s2', 'sends', DISCONNECT],
      ['s2', 'is closed'],
      ...enters('s3', false, false),
      ...enters('p'),
      ...posts(publish(message)),
      ['s3', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.1.2-6',
    name: 'a QoS 2 message that a clean session left half sent is a new one in the next',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      ['p', 'sends', publish({ ...message, qos: 2, id: 5 })],
      ['p', 'gets', acknowledgement('pubrec', 5)],
      ['s', 'gets', publish(message)],
      ['p', 'leaves'],
      ...enters('p2'),
      ['p2', 'sends', publish({ ...message, qos: 2, id: 5 })],
      ['p2', 'gets', acknowledgement('pubrec', 5)],
      ['s', 'gets', publish(message)],
    ],
  },
  {
    clause: 'MQTT-4.3.3-2',
    name: 'a QoS 2 message that a kept session left half sent is the same one when it goes on',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p', false),
      ['p', 'sends', publish({ ...message, qos: 2, id: 5 })],
      ['p', 'gets', acknowledgement('pubrec', 5)],
      ['s', 'gets', publish(message)],
      ['p', 'leaves'],
      ['p2', 'sends', connect({ id: 'p', isClean: false }), publish({ ...message, qos: 2, id: 5, isDuplicate: true })],
      ['p2', 'gets', connack(0, false)],
      ['p2', 'gets', acknowledgement('pubrec', 5)],
      ['s', 'hears nothing'],
    ],
  },
]

runByteCases(t, sessions)
