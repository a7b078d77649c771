import fc from 'fast-check'
import mqtt, { type Packet } from 'mqtt-packet'
import tap from 'tap'
import { type PlainPublish, readPlainPublishes } from '../../ingest/plain-publishes.ts'

const TOPIC = 'v1/acme/gw-1/readings'
const TOPIC_BYTES = Buffer.from(TOPIC)

const read = (bytes: Buffer, isTaken: (publish: PlainPublish) => boolean = () => true) => {
  const publishes: PlainPublish[] = []
  const taken = readPlainPublishes(bytes, TOPIC_BYTES, (publish) => isTaken(publish) && publishes.push(publish) > 0)
  return { taken, publishes }
}

const plain = fc.record({
  cmd: fc.constant('publish' as const),
  topic: fc.constant(TOPIC),
  qos: fc.constant(1 as const),
  retain: fc.constant(false),
  dup: fc.boolean(),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom(95, 96, 97, 16_350, 16_360, 16_384, 70_000).map((size) => Buffer.alloc(size, 1)),
  ),
})
const other = fc.oneof(
  fc.constantFrom<Packet>({ cmd: 'pingreq' }, { cmd: 'disconnect' }),
  plain.map((packet) => ({ ...packet, topic: 'v1/acme/gw-2/readings' })),
  plain.map((packet) => ({ ...packet, topic: `${TOPIC}/more` })),
  plain.map((packet) => ({ ...packet, qos: 0 as const, dup: false })),
  plain.map((packet) => ({ ...packet, qos: 2 as const })),
  plain.map((packet) => ({ ...packet, retain: true })),
)

tap.test('reads the plain publishes that come first, as the parser would, and leaves the rest', async (t) => {
  const property = fc.property(fc.array(plain, { maxLength: 8 }), fc.array(other, { maxLength: 2 }), (firsts, others) => {
    const head = Buffer.concat(firsts.map((packet) => mqtt.generate(packet)))
    const { taken, publishes } = read(Buffer.concat([head, ...others.map((packet) => mqtt.generate(packet))]))
    const parsed: Packet[] = []
    const parser = mqtt.parser({ protocolVersion: 4 })
    parser.on('packet', (packet) => parsed.push(packet))
    parser.parse(head)
    t.equal(taken, head.length)
    t.same(
      publishes.map(({ messageId, payload, length }) => ({ messageId, payload: payload.toString('hex'), length })),
      parsed.map(
        (packet) =>
          packet.cmd === 'publish' && {
            messageId: packet.messageId,
            payload: Buffer.from(packet.payload).toString('hex'),
            length: packet.length,
          },
      ),
    )
  })
  fc.assert(property, { numRuns: 200 })
})

tap.test('a packet that is cut off is left, wherever it is cut', async (t) => {
  const packet = mqtt.generate({
    cmd: 'publish',
    topic: TOPIC,
    qos: 1,
    retain: false,
    dup: false,
    messageId: 7,
    payload: Buffer.alloc(200, 1),
  })
  for (let cut = 0; cut < packet.length; cut++) {
    const { taken, publishes } = read(Buffer.concat([packet, packet.subarray(0, cut)]))
    t.equal(taken, packet.length)
    t.equal(publishes.length, 1)
  }
})

tap.test('a length that ends before topic and packet id do is left to the parser, which refuses it', async (t) => {
  for (let length = 0; length < TOPIC.length + 4; length++) {
    const bytes = Buffer.concat([Buffer.of(0x32, length, 0, TOPIC.length), TOPIC_BYTES, Buffer.of(0, 7), Buffer.alloc(50)])
    t.equal(read(bytes).taken, 0, `${length}`)
  }
})

tap.test('what is not taken stays, and all behind it', async (t) => {
  const packets = [1, 2, 3].map((messageId) =>
    mqtt.generate({ cmd: 'publish', topic: TOPIC, qos: 1, retain: false, dup: false, messageId, payload: Buffer.of(1) }),
  )
  const { taken, publishes } = read(Buffer.concat(packets), ({ messageId }) => messageId !== 2)
  t.equal(taken, packets[0]?.length)
  t.same(
    publishes.map(({ messageId }) => messageId),
    [1],
  )
})

tap.test('any bytes at all are read without a fault', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => read(Buffer.from([0x32, ...bytes])).taken <= bytes.length + 1),
  )
})
