import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { enters, hears, message } from './listener/conversations.ts'
import { acknowledgement, hex, PINGREQ, packet, publish, suback, subscribe, TYPES, text } from './listener/mqtt-bytes.ts'

// Goal: messages flow as MQTT 3.1.1 says, at each QoS, and what is malformed closes the connection.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const sends = (...packets: readonly Uint8Array[]): Step => ['p', 'sends', ...packets]
const acked = (type: 'puback' | 'pubrec' | 'pubcomp', id: number): Step => ['p', 'gets', acknowledgement(type, id)]
const closed = ['p', 'is closed'] as const

const flows: readonly ByteCase[] = [
  {
    clause: 'MQTT-4.3.1-1',
    name: 'QoS 0 is delivered and not acknowledged',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      sends(publish(message)),
      ['p', 'hears nothing'],
      ['s', 'gets', publish(message)],
    ],
  },
  {
    clause: 'MQTT-4.3.2-2',
    name: 'QoS 1 is delivered, and acknowledged with its packet id',
    steps: [
      ...hears('s', ['t', 1]),
      ...enters('p'),
      sends(publish({ ...message, qos: 1, id: 65_535 })),
      acked('puback', 65_535),
      ['s', 'gets', publish({ ...message, qos: 1 })],
      ['s', 'answers', 'puback'],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-4.3.3-2',
    name: 'QoS 2 is acknowledged with PUBREC, and PUBREL with PUBCOMP',
    steps: [
      ...enters('p'),
      sends(publish({ ...message, qos: 2, id: 5 })),
      acked('pubrec', 5),
      sends(acknowledgement('pubrel', 5)),
      acked('pubcomp', 5),
    ],
  },
  {
    clause: 'MQTT-4.3.3-1',
    name: 'QoS 2 is delivered with PUBREL after PUBREC',
    steps: [
      ...hears('s', ['t', 2]),
      ...enters('p'),
      sends(publish({ ...message, qos: 2, id: 5 })),
      acked('pubrec', 5),
      ['s', 'gets', publish({ ...message, qos: 2 })],
      ['s', 'answers', 'pubrec'],
      ['s', 'gets pubrel'],
      ['s', 'answers', 'pubcomp'],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-4.3.3-2',
    name: 'QoS 2 that is sent again before PUBREL is delivered once',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      sends(publish({ ...message, qos: 2, id: 5 })),
      acked('pubrec', 5),
      ['s', 'gets', publish(message)],
      sends(publish({ ...message, qos: 2, id: 5, isDuplicate: true })),
      acked('pubrec', 5),
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-4.3.3-2',
    name: 'a packet id is a new message again after PUBCOMP',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      ...[1, 2].flatMap((): readonly Step[] => [
        sends(publish({ ...message, qos: 2, id: 5 })),
        acked('pubrec', 5),
        ['s', 'gets', publish(message)],
        sends(acknowledgement('pubrel', 5)),
        acked('pubcomp', 5),
      ]),
    ],
  },
  {
    clause: 'MQTT-4.3.3-2',
    name: 'PUBREL of an unknown packet id is answered with PUBCOMP, so that a client can finish after our crash',
    steps: [...enters('p'), sends(acknowledgement('pubrel', 77)), acked('pubcomp', 77)],
  },
  {
    clause: 'MQTT-4.3.2-2',
    name: 'QoS 1 that is sent again with DUP is a message again',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      sends(publish({ ...message, qos: 1, id: 5 })),
      acked('puback', 5),
      ['s', 'gets', publish(message)],
      sends(publish({ ...message, qos: 1, id: 5, isDuplicate: true })),
      acked('puback', 5),
      ['s', 'gets', publish(message)],
    ],
  },
  {
    clause: 'MQTT-3.3.1-3',
    name: 'DUP is not passed on',
    steps: [
      ...hears('s', ['t', 1]),
      ...enters('p'),
      sends(publish({ ...message, qos: 1, id: 5, isDuplicate: true })),
      ['s', 'gets', publish({ ...message, qos: 1 })],
    ],
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'a message is delivered with the QoS of the subscription when that is lower',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      sends(publish({ ...message, qos: 2, id: 5 })),
      acked('pubrec', 5),
      ['s', 'gets', publish(message)],
    ],
  },
  {
    clause: 'MQTT-3.8.4-6',
    name: 'a message is delivered with its own QoS when that is lower',
    steps: [
      ...hears('s', ['t', 2]),
      ...enters('p'),
      sends(publish({ ...message, qos: 1, id: 5 })),
      ['s', 'gets', publish({ ...message, qos: 1 })],
    ],
  },
  {
    clause: '3.4.4',
    name: 'PUBACK for a message that was never sent is passed over',
    steps: [...enters('p'), sends(acknowledgement('puback', 4_711)), ['p', 'hears nothing']],
  },
  {
    clause: '3.3.3',
    name: 'an empty message is a message',
    steps: [...hears('s', ['t', 0]), ...enters('p'), sends(publish({ topic: 't' })), ['s', 'gets', publish({ topic: 't' })]],
  },
  {
    clause: 'MQTT-3.3.5-1',
    name: 'a publisher that subscribes to its own topic hears itself',
    steps: [...hears('p', ['t', 0]), sends(publish(message)), ['p', 'gets', publish(message)]],
  },
]

const many = Array.from({ length: 50 }, (_, index) => index + 1)
const order: readonly ByteCase[] = [
  {
    clause: 'MQTT-4.6.0-2',
    name: 'PUBACKs leave in the order of the messages',
    steps: [
      ...enters('p'),
      sends(...many.map((id) => publish({ ...message, qos: 1, id }))),
      ...many.map((id) => acked('puback', id)),
    ],
  },
  {
    clause: 'MQTT-4.6.0-6',
    name: 'messages of one topic arrive in the order in which they were sent',
    steps: [
      ...hears('s', ['t', 1]),
      ...enters('p'),
      sends(...many.map((id) => publish({ topic: 't', payload: `${id}`, qos: 1, id }))),
      ...many.map((id): Step => ['s', 'gets', publish({ topic: 't', payload: `${id}`, qos: 1 })]),
    ],
  },
  {
    clause: 'MQTT-4.6.0-6',
    name: 'so do messages without acknowledgement',
    steps: [
      ...hears('s', ['t', 0]),
      ...enters('p'),
      sends(...many.map((id) => publish({ topic: 't', payload: `${id}` }))),
      ...many.map((id): Step => ['s', 'gets', publish({ topic: 't', payload: `${id}` })]),
    ],
  },
  {
    clause: 'MQTT-3.3.5-1',
    name: 'a message that matches several subscriptions is delivered at the highest of their QoS',
    steps: [
      ...enters('s'),
      ['s', 'sends', subscribe(1, ['t', 1], ['+', 0])],
      ['s', 'gets', suback(1, 1, 0)],
      ...enters('p'),
      sends(publish({ ...message, qos: 1, id: 1 })),
      ['s', 'gets', publish({ ...message, qos: 1 })],
      ['s', 'answers', 'puback'],
    ],
  },
]

const malformed: readonly (readonly [clause: string, name: string, bytes: Uint8Array])[] = [
  ['MQTT-3.3.1-4', 'QoS 3', hex('36 05 00 01 74 00 01')],
  ['MQTT-3.3.1-2', 'DUP with QoS 0', hex('38 03 00 01 74')],
  ['MQTT-2.3.1-1', 'QoS 1 with packet id 0', publish({ topic: 't', qos: 1, id: 0 })],
  ['MQTT-2.3.1-1', 'QoS 2 with packet id 0', publish({ topic: 't', qos: 2, id: 0 })],
  ['MQTT-3.3.2-2', 'a topic with #', publish({ topic: 't/#' })],
  ['MQTT-3.3.2-2', 'a topic with +', publish({ topic: 't/+/u' })],
  ['MQTT-4.7.3-1', 'an empty topic', publish({ topic: '' })],
  ['MQTT-4.7.3-2', 'U+0000 in the topic', publish({ topic: 't\u0000' })],
  ['MQTT-1.5.3-1', 'a high surrogate in the topic', publish({ topic: hex('74 ed a0 80') })],
  ['MQTT-1.5.3-1', 'a pair of surrogates, each encoded, in the topic', publish({ topic: hex('ed a0 bd ed b8 80') })],
  ['MQTT-1.5.3-1', 'an overlong encoding in the topic', publish({ topic: hex('c1 b4') })],
  ['MQTT-1.5.3-1', 'half a character in the topic', publish({ topic: hex('74 e2 82') })],
  ['1.5.3', 'a control character in the topic', publish({ topic: 't\u0007' })],
  ['1.5.3', 'a non-character in the topic', publish({ topic: 't\uffff' })],
  ['2.2.3', 'a topic that is longer than the packet', packet(TYPES.publish, 0, hex('00 09 74'))],
  ['2.2.3', 'QoS 1 without a packet id', packet(TYPES.publish, 2, text('t'))],
  ['2.2.3', 'QoS 1 with half a packet id', packet(TYPES.publish, 2, Buffer.concat([text('t'), hex('07')]))],
  ['2.2.3', 'PUBLISH without a body', packet(TYPES.publish, 0)],
  ['2.2.3', 'PUBACK without a packet id', hex('40 00')],
  ['2.2.3', 'PUBACK with a byte too many', hex('40 03 00 01 00')],
  ['MQTT-2.3.1-1', 'PUBACK with packet id 0', acknowledgement('puback', 0)],
  ['MQTT-2.3.1-1', 'PUBREL with packet id 0', acknowledgement('pubrel', 0)],
  ['4.7.3', 'a topic of 101 levels, which the broker could not match', publish({ topic: '/'.repeat(100) })],
]

const refusals: readonly ByteCase[] = malformed.map(([clause, name, bytes]) => ({
  clause,
  name: `${name} closes the connection, and the packets behind it are not read`,
  steps: [...hears('s', ['#', 0]), ...enters('p'), sends(bytes, publish(message), PINGREQ), closed, ['s', 'hears nothing']],
}))

runByteCases(t, [...flows, ...order, ...refusals])
