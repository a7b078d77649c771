import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import { closed, opens, refused } from './listener/conversations.ts'
import { connack, connect, DISCONNECT, hex, publish, suback, subscribe } from './listener/mqtt-bytes.ts'

// Goal: a will is published, or not, as MQTT 3.1.1, chapter 3.1.2.5, says.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
const will = { topic: 'will', payload: 'gone' }
const hears = (topic: string): readonly Step[] => [
  ['s', 'sends', connect({ id: 's' }), subscribe(1, [topic, 2])],
  ['s', 'gets', connack(0)],
  ['s', 'gets', suback(1, 2)],
]

const wills: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.1.2-8',
    name: 'the will is published when the connection breaks',
    steps: [...hears('will'), ...opens(connect({ will })), ['a', 'leaves'], ['s', 'gets', publish(will)]],
  },
  {
    clause: 'MQTT-3.1.2-8',
    name: 'the will is published when a client with subscriptions is cut off',
    steps: [
      ...hears('will'),
      ...opens(connect({ will, isClean: false })),
      ['a', 'sends', subscribe(2, ['x', 1], ['y/#', 0])],
      ['a', 'gets', suback(2, 1, 0)],
      ['a', 'breaks off'],
      ['s', 'gets', publish(will)],
    ],
  },
  {
    clause: 'MQTT-3.1.2-8',
    name: 'the will is published when another connection takes over',
    steps: [...hears('will'), ...opens(connect({ will })), ['b', 'sends', connect()], closed, ['s', 'gets', publish(will)]],
  },
  {
    clause: 'MQTT-3.1.2-8',
    name: 'the will is published when the client breaks the protocol',
    steps: [...hears('will'), ...opens(connect({ will })), ['a', 'sends', hex('f0 00')], closed, ['s', 'gets', publish(will)]],
  },
  {
    clause: 'MQTT-3.1.2-24',
    name: 'the will is published when the client is silent for one and a half times its keep-alive',
    steps: [
      ...hears('will'),
      ['a', 'sends', connect({ will, keepAlive: 1 })],
      ['a', 'gets', connack(0)],
      closed,
      ['s', 'gets', publish(will)],
    ],
  },
  {
    clause: 'MQTT-3.1.2-10',
    name: 'the will is dropped on DISCONNECT',
    steps: [...hears('will'), ...opens(connect({ will })), ['a', 'sends', DISCONNECT], closed, ['s', 'hears nothing']],
  },
  {
    clause: 'MQTT-3.1.2-12',
    name: 'the will has the QoS that CONNECT gave it',
    steps: [
      ...hears('will'),
      ...opens(connect({ will: { ...will, qos: 1 } })),
      ['a', 'leaves'],
      ['s', 'gets', publish({ ...will, qos: 1 })],
      ['s', 'answers', 'puback'],
      ['s', 'hears nothing'],
    ],
  },
  {
    clause: 'MQTT-3.1.2-17',
    name: 'a retained will is there for those who come later',
    steps: [
      ...hears('will'),
      ...opens(connect({ will: { ...will, isRetained: true } })),
      ['a', 'leaves'],
      ['s', 'gets', publish(will)],
      ['b', 'sends', connect({ id: 'b' }), subscribe(1, ['will', 0])],
      ['b', 'gets', connack(0)],
      ['b', 'gets', suback(1, 0)],
      ['b', 'gets', publish({ ...will, isRetained: true })],
    ],
  },
  {
    clause: 'MQTT-3.1.3-11',
    name: 'a will may be empty',
    steps: [
      ...hears('will'),
      ...opens(connect({ will: { topic: 'will', payload: '' } })),
      ['a', 'leaves'],
      ['s', 'gets', publish({ topic: 'will' })],
    ],
  },
  { clause: 'MQTT-3.1.2-13', name: 'a will QoS without a will closes the connection', steps: refused(connect({ flags: 0x0a })) },
  { clause: 'MQTT-3.1.2-15', name: 'a will retain flag without a will closes it', steps: refused(connect({ flags: 0x22 })) },
  { clause: 'MQTT-3.1.2-14', name: 'will QoS 3 closes it', steps: refused(connect({ will: { ...will, qos: 3 } })) },
  { clause: 'MQTT-3.1.2-9', name: 'the will flag without a will closes it', steps: refused(connect({ flags: 0x06 })) },
  {
    clause: 'MQTT-3.1.3-10',
    name: 'U+0000 in the will topic closes it',
    steps: refused(connect({ will: { ...will, topic: 'w\u0000' } })),
  },
  {
    clause: 'MQTT-4.7.1-1',
    name: 'a wildcard in the will topic closes it',
    steps: refused(connect({ will: { ...will, topic: 'w/#' } })),
  },
]

runByteCases(t, wills)
