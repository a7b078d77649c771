import t from 'tap'
import { type ByteCase, runByteCases } from './listener/byte-cases.ts'
import { closed, opens, refused } from './listener/conversations.ts'
import { acknowledgement, connect, hex, PINGREQ, PINGRESP, packet, publish, TYPES, text } from './listener/mqtt-bytes.ts'

// Goal: the fixed header is read as MQTT 3.1.1, chapter 2.2, says, and what is malformed closes the connection.
// Method: a table of byte-level conversations over a plain loopback socket with a policy that allows everything.
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

runByteCases(t, frames)
