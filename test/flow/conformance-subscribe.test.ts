import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { enters, hears, message, subscribes } from './listener/conversations.ts'
import {
  acknowledgement,
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

// Goal: subscriptions are made and acknowledged as MQTT 3.1.1 says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
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

runByteCases(t, [...acknowledgements, ...refusals])
