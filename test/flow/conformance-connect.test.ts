import t from 'tap'
import { type ByteCase, runByteCases } from './listener/byte-cases.ts'
import { closed, opens, refused } from './listener/conversations.ts'
import {
  acknowledgement,
  connack,
  connect,
  DISCONNECT,
  hex,
  PINGREQ,
  PINGRESP,
  publish,
  subscribe,
} from './listener/mqtt-bytes.ts'

// Goal: the listener opens and refuses sessions as MQTT 3.1.1 (OASIS, 29 October 2014) says, so that any device's library can speak to it.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything, as Mosquitto's own tests do.
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

runByteCases(t, [...firstPacket, ...protocol, ...credentials, ...clientIds, ...keepAlive])
