import t from 'tap'
import type { ByteClient } from './listener/byte-client.ts'
import { numbered, numbersIn } from './listener/messages.ts'
import { acknowledgement, type ConnectFields, connack, hex, type PublishFields, publish } from './listener/mqtt-bytes.ts'
import { type Gateway, openSecureListener } from './listener/secure-listener.ts'
import { until } from './listener/until.ts'

// Goal: a gateway publishes sound messages to its own topic and nothing else. Anything else closes the connection, is counted with its
// reason, and leaves nothing in the log.
// Method: in one write, the offence and a sound message behind it, over TLS, with the certificate of gw-1 of acme. The log is read in the end.
const OWN = 'v1/acme/gw-1/readings'

interface Offence extends PublishFields {
  readonly name: string
  readonly reason: string
}

const foreign = (name: string, topic: string): Offence => ({ name, topic, reason: 'topic-foreign' })
const unclean = (name: string, topic: Uint8Array | string): Offence => ({ name, topic, reason: 'text-not-clean' })
const offences: readonly Offence[] = [
  foreign('the topic of another gateway', 'v1/acme/gw-2/readings'),
  foreign('the topic of another tenant', 'v1/globex/gw-1/readings'),
  foreign('the topic with its tenant in capitals', 'v1/ACME/gw-1/readings'),
  foreign('the topic with a slash in front', `/${OWN}`),
  foreign('the topic with a slash behind', `${OWN}/`),
  foreign('a topic below its own', `${OWN}/more`),
  foreign('a topic above its own', 'v1/acme/gw-1'),
  foreign('a path that would lead to another tenant', 'v1/acme/gw-1/../../globex/gw-1/readings'),
  foreign('its own topic with a look-alike letter', 'v1/аcme/gw-1/readings'),
  foreign('what is sent down to it', 'v1/acme/gw-1/down/config'),
  foreign('what is sent down to another gateway', 'v1/globex/gw-1/down/config'),
  foreign("the broker's own topics", '$SYS/broker/uptime'),
  foreign('a shared subscription', `$share/group/${OWN}`),
  foreign('a topic of one slash', '/'),
  foreign('a topic of 65,535 bytes', `${OWN}${'x'.repeat(65_535 - OWN.length)}`),
  unclean('U+0000 behind its own topic', `${OWN}\u0000`),
  unclean('a control character', `${OWN}\u0001`),
  unclean('a line break', 'v1/acme/gw-1/readings\n'),
  unclean('a lone high surrogate', Buffer.concat([Buffer.from(OWN), hex('ed a0 80')])),
  unclean('a lone low surrogate', Buffer.concat([Buffer.from(OWN), hex('ed b0 80')])),
  unclean('a pair of surrogates, each encoded (CESU-8)', Buffer.concat([Buffer.from(OWN), hex('ed a0 bd ed b8 80')])),
  unclean('an overlong slash', Buffer.concat([Buffer.from('v1'), hex('c0 af'), Buffer.from('acme/gw-1/readings')])),
  unclean('half a character', Buffer.concat([Buffer.from(OWN), hex('e2 82')])),
  unclean('a byte that UTF-8 never has', Buffer.concat([Buffer.from(OWN), hex('ff')])),
  { name: 'a wildcard for all', topic: '#', reason: 'protocol-error' },
  { name: 'a wildcard for a level', topic: 'v1/acme/+/readings', reason: 'protocol-error' },
  { name: 'an empty topic', topic: '', reason: 'protocol-error' },
  { name: 'a retained message', topic: OWN, isRetained: true, reason: 'retained' },
  { name: 'a retained message at QoS 1', topic: OWN, isRetained: true, qos: 1, reason: 'retained' },
  { name: 'QoS 2', topic: OWN, qos: 2, reason: 'qos-2' },
  { name: 'packet id 0 at QoS 1', topic: OWN, qos: 1, id: 0, reason: 'packet-id-zero' },
]

async function opened(client: ByteClient): Promise<ByteClient> {
  if (!(await client.takePacket()).equals(connack(0))) throw new Error('The gateway was not let in.')
  return client
}

t.test('publishing', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const sound = publish({ topic: OWN, payload: numbered(1), qos: 1, id: 7 })

  for (const { name, reason, ...fields } of offences) {
    t.test(`${name} closes the connection`, async (t) => {
      const before = await listener.refusals(reason)
      const client = await opened(await listener.enter(gateway))
      client.send(publish({ payload: numbered(2), ...fields }), sound)
      await client.closed()
      t.equal(client.waiting.toString('hex'), '', 'nothing is acknowledged')
      await until(async () => (await listener.refusals(reason)) === before + 1, 'the refusal is counted, once')
    })
  }

  t.test('who did it is told to the operator', async (t) => {
    const told = listener.lines.filter(({ msg }) => msg === 'Publish refused, connection closed.')
    t.ok(told.length > 0)
    for (const line of told) t.match(line, { client: 'acme/gw-1', peer: '127.0.0.1', reason: /^[a-z0-9-]+$/ })
  })

  t.test('and none of it is in the log', async (t) => {
    const client = await opened(await listener.enter(gateway))
    client.send(publish({ topic: OWN, payload: numbered(3), qos: 1, id: 8 }))
    t.same(await client.takePacket(), acknowledgement('puback', 8))
    t.same(numbersIn(await listener.records()), [3])
    t.equal((await listener.records()).length, 1, 'nor was it kept as rejected')
    t.equal(await listener.metric('ingest_connections'), 1)
  })
})

t.test('wills', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  const will = { topic: OWN, payload: numbered(5) }
  const refused: readonly (readonly [name: string, code: number | undefined, fields: ConnectFields])[] = [
    ['on the topic of another gateway', 5, { will: { ...will, topic: 'v1/acme/gw-2/readings' } }],
    ['on the topic of another tenant', 5, { will: { ...will, topic: 'v1/globex/gw-1/readings' } }],
    ['on its own down topic', 5, { will: { ...will, topic: 'v1/acme/gw-1/down/x' } }],
    ["on the broker's own topics", 5, { will: { ...will, topic: '$SYS/x' } }],
    ['that is retained', 5, { will: { ...will, isRetained: true } }],
    ['at QoS 2', 5, { will: { ...will, qos: 2 } }],
    ['with a control character in its topic', 2, { will: { ...will, topic: `${OWN}\u0002` } }],
    ['with a wildcard in its topic', undefined, { will: { ...will, topic: '#' } }],
    ['with U+0000 in its topic', undefined, { will: { ...will, topic: `${OWN}\u0000` } }],
    ['with a surrogate in its topic', undefined, { will: { ...will, topic: hex('ed a0 80') } }],
    ['with an empty topic', undefined, { will: { ...will, topic: '' } }],
  ]

  for (const [name, code, fields] of refused) {
    t.test(
      `a will ${name} is refused with ${code === undefined ? 'the end of the connection' : `CONNACK ${code}`}`,
      async (t) => {
        const client = await listener.enter(gateway, fields)
        t.same(await client.takePacket(), code === undefined ? Buffer.alloc(0) : connack(code))
        await client.closed()
      },
    )
  }

  t.test('a will on its own topic is stored when the line breaks, and not after DISCONNECT', async (t) => {
    const polite = await opened(await listener.enter(gateway, { will: { ...will, payload: numbered(6) } }))
    polite.send(hex('e0 00'))
    await polite.closed()
    for (const qos of [0, 1]) {
      const client = await opened(await listener.enter(gateway, { will: { ...will, payload: numbered(10 + qos), qos } }))
      client.destroy()
      await until(async () => numbersIn(await listener.records()).includes(10 + qos), `a will of QoS ${qos} is stored`)
    }
    t.same(numbersIn(await listener.records()), [10, 11])
  })

  t.test('a will that is no readings is kept with its reason, as any message', async (t) => {
    const client = await opened(await listener.enter(gateway, { will: { ...will, payload: 'gone' } }))
    client.destroy()
    await until(
      async () => (await listener.records()).some(({ value }) => Buffer.from(value).toString() === 'gone'),
      'it is rejected',
    )
    t.equal(await listener.metric('ingest_faults_total'), 1)
  })
})

t.test('stopping the listener publishes no wills, since no gateway is lost', async (t) => {
  const listener = await openSecureListener(t)
  const gateway: Gateway = await listener.enrol('acme', 'gw-1')
  await opened(await listener.enter(gateway, { will: { topic: OWN, payload: numbered(1), qos: 1 } }))
  await listener.stop()
  t.same(await listener.records(), [])
  t.notMatch(listener.lines, [{ level: 50 }])
})
