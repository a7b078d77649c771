import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import {
  acknowledgement,
  connack,
  connect,
  DISCONNECT,
  type Filter,
  hex,
  packet,
  publish,
  suback,
  subscribe,
  TYPES,
  text,
  unsubscribe,
} from './listener/mqtt-bytes.ts'

// Goal: subscriptions, retained messages and sessions are kept as MQTT 3.1.1 says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const enters = (name: string, isClean = true, isSessionPresent = false): readonly Step[] => [
  [name, 'sends', connect({ id: name.slice(0, 1), isClean })],
  [name, 'gets', connack(0, isSessionPresent)],
]
const subscribes = (name: string, ...filters: readonly Filter[]): readonly Step[] => [
  [name, 'sends', subscribe(10, ...filters)],
  [name, 'gets', suback(10, ...filters.map(([, qos]) => qos))],
]
const hears = (name: string, ...filters: readonly Filter[]): readonly Step[] => [...enters(name), ...subscribes(name, ...filters)]
const message = { topic: 't', payload: 'hello' }
const retained = { ...message, isRetained: true }
const many = Array.from({ length: 20 }, (_, index) => index + 1)
const posts = (...packets: readonly Uint8Array[]): readonly Step[] => [
  ['p', 'sends', ...packets],
  ['p', 'hears nothing'],
]

const acknowledgements: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.8.4-2',
    name: 'SUBACK has the packet id of SUBSCRIBE',
    steps: [...enters('s'), ...subscribes('s', ['t', 1])],
  },
  {
    clause: 'MQTT-3.8.4-5',
    name: 'SUBACK has a code for each filter, in their order',
    steps: hears('s', ['a', 2], ['b', 0], ['c', 1], ['d/#', 2]),
  },
  {
    clause: 'MQTT-3.10.4-4',
    name: 'UNSUBACK has the packet id of UNSUBSCRIBE',
    steps: [...hears('s', ['t', 0]), ['s', 'sends', unsubscribe(11, 't')], ['s', 'gets', acknowledgement('unsuback', 11)]],
  },
  {
    clause: 'MQTT-3.10.4-5',
    name: 'a filter that was never subscribed to is unsubscribed from all the same',
    steps: [...enters('s'), ['s', 'sends', unsubscribe(12, 'x', 'y')], ['s', 'gets', acknowledgement('unsuback', 12)]],
  },
  {
    clause: 'MQTT-3.10.4-2',
    name: 'nothing is delivered after UNSUBSCRIBE',
    steps: [
      ...hears('s', ['t', 0], ['u', 0]),
      ['s', 'sends', unsubscribe(11, 't')],
      ['s', 'gets', acknowledgement('unsuback', 11)],
      ...enters('p'),
      ...posts(publish(message), publish({ topic: 'u' })),
      ['s', 'gets', publish({ topic: 'u' })],
    ],
  },
  {
    clause: 'MQTT-3.10.4-1',
    name: 'filters are compared character by character: another one that matches stays',
    steps: [
      ...hears('s', ['t', 0]),
      ['s', 'sends', unsubscribe(11, '#', '+', 'T')],
      ['s', 'gets', acknowledgement('unsuback', 11)],
      ...enters('p'),
      ...posts(publish(message)),
      ['s', 'gets', publish(message)],
    ],
  },
  {
    clause: 'MQTT-3.8.4-3',
    name: 'a filter that is subscribed to again takes the new QoS and delivers once',
    steps: [
      ...hears('s', ['t', 0]),
      ...subscribes('s', ['t', 1]),
      ...enters('p'),
      ...[['p', 'sends', publish({ ...message, qos: 1, id: 1 })] as const],
      ['s', 'gets', publish({ ...message, qos: 1 })],
      ['s', 'answers', 'puback'],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: '3.8.4',
    name: 'a connection has at most 100 different filters; more are refused one by one',
    steps: [
      ...hears('s', ...Array.from({ length: 100 }, (_, index): Filter => [`f/${index}`, 0])),
      ['s', 'sends', subscribe(11, ['f/7', 1], ['one/more', 0])],
      ['s', 'gets', suback(11, 1, 0x80)],
    ],
  },
]

const malformed: readonly (readonly [clause: string, name: string, bytes: Uint8Array])[] = [
  ['MQTT-3.8.3-3', 'SUBSCRIBE without a filter', packet(TYPES.subscribe, 2, hex('00 01'))],
  ['2.2.3', 'SUBSCRIBE without a packet id', packet(TYPES.subscribe, 2)],
  ['MQTT-2.3.1-1', 'SUBSCRIBE with packet id 0', subscribe(0, ['t', 0])],
  ['MQTT-3.8.3-4', 'SUBSCRIBE with QoS 3', subscribe(1, ['t', 3])],
  ['MQTT-3.8.3-4', 'SUBSCRIBE with a reserved bit', subscribe(1, ['t', 4])],
  ['MQTT-4.7.3-1', 'SUBSCRIBE to an empty filter', subscribe(1, ['', 0])],
  ['2.2.3', 'SUBSCRIBE without the QoS of its last filter', packet(TYPES.subscribe, 2, Buffer.concat([hex('00 01'), text('t')]))],
  ['2.2.3', 'SUBSCRIBE with a filter that is longer than the packet', packet(TYPES.subscribe, 2, hex('00 01 00 09 74 00'))],
  ['MQTT-4.7.3-2', 'SUBSCRIBE to U+0000', subscribe(1, ['t\u0000', 0])],
  ['MQTT-3.8.3-1', 'SUBSCRIBE to a surrogate', subscribe(1, [hex('ed a0 80'), 0])],
  ['MQTT-4.7.1-2', 'SUBSCRIBE to sport/#/ranking', subscribe(1, ['sport/#/ranking', 0])],
  ['MQTT-4.7.1-2', 'SUBSCRIBE to sport/tennis#', subscribe(1, ['sport/tennis#', 0])],
  ['MQTT-4.7.1-2', 'SUBSCRIBE to a#', subscribe(1, ['a#', 0])],
  ['MQTT-4.7.1-3', 'SUBSCRIBE to sport+', subscribe(1, ['sport+', 0])],
  ['MQTT-4.7.1-3', 'SUBSCRIBE to +a', subscribe(1, ['+a', 0])],
  ['MQTT-4.7.1-3', 'SUBSCRIBE to a+/b', subscribe(1, ['a+/b', 0])],
  ['MQTT-4.7.1-3', 'one wrong filter among right ones', subscribe(1, ['a', 0], ['b+', 0], ['c', 0])],
  ['4.7.3', 'SUBSCRIBE to 101 levels', subscribe(1, ['/'.repeat(100), 0])],
  ['MQTT-3.10.3-2', 'UNSUBSCRIBE without a filter', packet(TYPES.unsubscribe, 2, hex('00 01'))],
  ['MQTT-2.3.1-1', 'UNSUBSCRIBE with packet id 0', unsubscribe(0, 't')],
  ['MQTT-4.7.3-1', 'UNSUBSCRIBE from an empty filter', unsubscribe(1, '')],
  ['MQTT-3.10.3-1', 'UNSUBSCRIBE from a surrogate', unsubscribe(1, hex('ed a0 80'))],
  ['MQTT-4.7.1-2', 'UNSUBSCRIBE from a#', unsubscribe(1, 'a#')],
]

const refusals: readonly ByteCase[] = malformed.map(([clause, name, bytes]) => ({
  clause,
  name: `${name} closes the connection`,
  steps: [...enters('s'), ['s', 'sends', bytes], ['s', 'is closed']],
}))

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

runByteCases(t, [...acknowledgements, ...refusals, ...retention, ...sessions])
