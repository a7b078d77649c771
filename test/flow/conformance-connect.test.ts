import t from 'tap'
import { type ByteCase, runByteCases, type Step } from './listener/byte-cases.ts'
import {
  acknowledgement,
  connack,
  connect,
  DISCONNECT,
  hex,
  PINGREQ,
  PINGRESP,
  packet,
  publish,
  suback,
  subscribe,
  TYPES,
  text,
} from './listener/mqtt-bytes.ts'

// Goal: the listener opens and refuses sessions as MQTT 3.1.1 (OASIS, 29 October 2014) says, so that any device's library can speak to it.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything, as Mosquitto's own tests do.
const accepted: readonly Step[] = [
  ['a', 'gets', connack(0)],
  ['a', 'hears nothing'],
]
const closed = ['a', 'is closed'] as const
const opens = (bytes: Buffer): readonly Step[] => [['a', 'sends', bytes], ...accepted]
const refused = (bytes: Buffer, code?: number): readonly Step[] =>
  code === undefined ? [['a', 'sends', bytes], closed] : [['a', 'sends', bytes], ['a', 'gets', connack(code)], closed]
/** CONNECT of a name and level, then flags, keep-alive and an id. */
const will = { topic: 'will', payload: 'gone' }

const firstPacket: readonly ByteCase[] = [
  { clause: 'MQTT-3.1.0-1', name: 'PINGREQ before CONNECT closes the connection', steps: refused(PINGREQ) },
  { clause: 'MQTT-3.1.0-1', name: 'PUBLISH before CONNECT closes it', steps: refused(publish({ topic: 'x' })) },
  { clause: 'MQTT-3.1.0-1', name: 'SUBSCRIBE before CONNECT closes it', steps: refused(subscribe(1, ['x', 0])) },
  { clause: 'MQTT-3.1.0-1', name: 'DISCONNECT before CONNECT closes it', steps: refused(DISCONNECT) },
  {
    clause: 'MQTT-3.1.0-2',
    name: 'a second CONNECT closes the connection',
    steps: [...opens(connect()), ['a', 'sends', connect()], closed],
  },
  {
    clause: 'MQTT-3.1.4-5',
    name: 'packets that follow CONNECT without waiting for CONNACK are answered after it, in order',
    steps: [
      ['a', 'sends', connect(), publish({ topic: 'x', qos: 1, id: 7 }), publish({ topic: 'x', qos: 1, id: 8 }), PINGREQ],
      ['a', 'gets', connack(0)],
      ['a', 'gets in any order', acknowledgement('puback', 7), acknowledgement('puback', 8), PINGRESP],
    ],
  },
  { clause: 'MQTT-3.12.4-1', name: 'PINGREQ is answered with PINGRESP', steps: opens(connect()) },
  {
    clause: 'MQTT-3.14.4-1',
    name: 'DISCONNECT closes the connection',
    steps: [...opens(connect()), ['a', 'sends', DISCONNECT], closed],
  },
]

const protocol: readonly ByteCase[] = [
  { clause: 'MQTT-3.1.2-1', name: 'another protocol name is not answered', steps: refused(connect({ protocol: 'MQTX' })) },
  { clause: 'MQTT-3.1.2-1', name: 'the protocol name is case sensitive', steps: refused(connect({ protocol: 'mqtt' })) },
  { clause: 'MQTT-3.1.2-1', name: 'an empty protocol name is not answered', steps: refused(connect({ protocol: '' })) },
  {
    clause: 'MQTT-3.1.2-1',
    name: 'the protocol name of 3.1 is understood',
    steps: opens(connect({ protocol: 'MQIsdp', level: 3 })),
  },
  ...[0, 3, 5, 6, 0x84, 255].map((level) => ({
    clause: 'MQTT-3.1.2-2',
    name: `protocol level ${level} is refused with code 1`,
    steps: refused(connect({ level }), 1),
  })),
  {
    clause: 'MQTT-3.1.2-2',
    name: 'a CONNECT of MQTT 5, with properties, is refused with code 1',
    steps: refused(hex('10 10 00 04 4d 51 54 54 05 02 00 3c 03 21 00 14 00 00'), 1),
  },
  { clause: 'MQTT-3.1.2-3', name: 'the reserved flag of CONNECT must be 0', steps: refused(connect({ flags: 0x03 })) },
]

const credentials: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.1.2-19',
    name: 'a user name and a password are read where the flags say so',
    steps: opens(connect({ user: 'u', password: 'p' })),
  },
  { clause: 'MQTT-3.1.2-19', name: 'a user name may come without a password', steps: opens(connect({ user: 'u' })) },
  {
    clause: 'MQTT-3.1.2-18',
    name: 'a user name without its flag closes the connection',
    steps: refused(connect({ user: 'u', flags: 0x02 })),
  },
  { clause: 'MQTT-3.1.2-19', name: 'the flag without a user name closes it', steps: refused(connect({ flags: 0x82 })) },
  {
    clause: 'MQTT-3.1.2-20',
    name: 'a password without its flag closes it',
    steps: refused(connect({ user: 'u', password: 'p', flags: 0x82 })),
  },
  { clause: 'MQTT-3.1.2-21', name: 'the flag without a password closes it', steps: refused(connect({ user: 'u', flags: 0xc2 })) },
  { clause: 'MQTT-3.1.2-22', name: 'a password without a user name closes it', steps: refused(connect({ password: 'p' })) },
  { clause: 'MQTT-1.5.3-2', name: 'U+0000 in the user name closes it', steps: refused(connect({ user: 'u\u0000' })) },
  {
    clause: 'MQTT-1.5.3-1',
    name: 'a surrogate in the user name closes it',
    steps: refused(connect({ user: hex('75 ed a0 80') })),
  },
]

const clientIds: readonly ByteCase[] = [
  { clause: 'MQTT-3.1.3-5', name: 'an id of 1 character is accepted', steps: opens(connect({ id: 'z' })) },
  {
    clause: 'MQTT-3.1.3-5',
    name: 'an id of 23 characters is accepted',
    steps: opens(connect({ id: 'abcdefghijklmnopqrstuvw' })),
  },
  { clause: '3.1.3.1', name: 'a longer id is accepted', steps: opens(connect({ id: 'x'.repeat(200) })) },
  { clause: '3.1.3.1', name: 'an id in any script is accepted', steps: opens(connect({ id: 'Zähler/水' })) },
  { clause: 'MQTT-3.1.3-6', name: 'an empty id is accepted with a clean session', steps: opens(connect({ id: '' })) },
  {
    clause: 'MQTT-3.1.3-8',
    name: 'an empty id without a clean session is refused with code 2',
    steps: refused(connect({ id: '', isClean: false }), 2),
  },
  { clause: 'MQTT-1.5.3-2', name: 'U+0000 in the id closes the connection', steps: refused(connect({ id: 'a\u0000b' })) },
  { clause: 'MQTT-3.1.3-4', name: 'an overlong encoding in the id closes it', steps: refused(connect({ id: hex('61 c0 80') })) },
  { clause: 'MQTT-3.1.3-4', name: 'a surrogate in the id closes it', steps: refused(connect({ id: hex('ed a0 80 ed b0 80') })) },
]

const frames: readonly ByteCase[] = [
  { clause: '2.2.3', name: 'CONNECT with a byte too many closes the connection', steps: refused(connect({ rest: hex('00') })) },
  {
    clause: '2.2.3',
    name: 'CONNECT that ends before its id closes it, and takes no bytes of the next packet for it',
    steps: [['a', 'sends', packet(TYPES.connect, 0, Buffer.concat([text('MQTT'), hex('04 02 00 3c')])), PINGREQ], closed],
  },
  { clause: '2.2.3', name: 'a remaining length of 5 bytes closes it', steps: refused(hex('10 80 80 80 80 01')) },
  {
    clause: '2.2.3',
    name: 'a remaining length with needless bytes is read',
    steps: opens(Buffer.concat([hex('10 8d 80 00'), connect().subarray(2)])),
  },
  ...[127, 128, 16_383, 16_384, 1_000_000].map((length) => ({
    clause: '2.2.3',
    name: `a packet of ${length} bytes is read to its end`,
    steps: [
      ...opens(connect()),
      ['a', 'sends', publish({ topic: 'x', qos: 1, id: 9, payload: Buffer.alloc(length - 5) }), PINGREQ] as const,
      ['a', 'gets', acknowledgement('puback', 9)] as const,
      ['a', 'gets', PINGRESP] as const,
    ],
  })),
  { clause: '2.2.1', name: 'packet type 0 closes it', steps: [...opens(connect()), ['a', 'sends', hex('00 00')], closed] },
  { clause: '2.2.1', name: 'packet type 15 closes it', steps: [...opens(connect()), ['a', 'sends', hex('f0 00')], closed] },
  ...[2, 9, 11, 13].map((type) => ({
    clause: '2.2.1',
    name: `packet type ${type}, which only servers send, closes it`,
    steps: [...opens(connect()), ['a', 'sends', packet(type, 0, hex('00 01'))] as const, closed],
  })),
  ...[
    { name: 'CONNECT', bytes: hex('11 00') },
    { name: 'PUBACK', bytes: hex('42 02 00 01') },
    { name: 'PUBREC', bytes: hex('51 02 00 01') },
    { name: 'PUBREL', bytes: hex('60 02 00 01') },
    { name: 'PUBCOMP', bytes: hex('72 02 00 01') },
    { name: 'SUBSCRIBE', bytes: hex('80 06 00 01 00 01 78 00') },
    { name: 'UNSUBSCRIBE', bytes: hex('a0 05 00 01 00 01 78') },
    { name: 'PINGREQ', bytes: hex('c1 00') },
    { name: 'DISCONNECT', bytes: hex('e1 00') },
  ].map(({ name, bytes }) => ({
    clause: 'MQTT-2.2.2-2',
    name: `${name} with wrong flags closes it`,
    steps: [...opens(connect()), ['a', 'sends', bytes] as const, closed],
  })),
  {
    clause: '3.12',
    name: 'PINGREQ with a body closes it',
    steps: [...opens(connect()), ['a', 'sends', hex('c0 01 00')], closed],
  },
  {
    clause: '3.14',
    name: 'DISCONNECT with a body closes it',
    steps: [...opens(connect()), ['a', 'sends', hex('e0 01 00')], closed],
  },
]

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

const keepAlive: readonly ByteCase[] = [
  {
    clause: 'MQTT-3.1.2-24',
    name: 'a client that is silent for one and a half times its keep-alive is closed',
    steps: [['a', 'sends', connect({ keepAlive: 1 })], ['a', 'gets', connack(0)], closed],
  },
  {
    clause: '3.1.4',
    name: 'a client that sends no CONNECT is closed',
    limits: { connectTimeoutMs: 100 },
    steps: [['a', 'sends', connect().subarray(0, 5)], closed],
  },
]

runByteCases(t, [...firstPacket, ...protocol, ...credentials, ...clientIds, ...frames, ...wills, ...keepAlive])
