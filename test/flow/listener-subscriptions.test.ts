import fc from 'fast-check'
import t from 'tap'
import type { Policy, Session } from '../../ingest/policy.ts'
import { downPrefix, parseLogKey } from '../../schemas/topics.ts'
import type { ByteClient } from './listener/byte-client.ts'
import {
  acknowledgement,
  connack,
  connect,
  DISCONNECT,
  PINGREQ,
  PINGRESP,
  publish,
  suback,
  subscribe,
} from './listener/mqtt-bytes.ts'
import { openListener, openPolicy } from './listener/open-listener.ts'
import { type Gateway, openSecureListener, type SecureListener } from './listener/secure-listener.ts'

// Goal: a gateway hears what is sent down to it, and not a word that is meant for another, whatever filter it thinks of.
// Method: random filters close to the allowed ones over TLS; then, with the same rule on a plain socket, real deliveries.
const OWN = 'v1/acme/gw-1/down/'
const SEED = Number(process.env.LISTENER_SEED ?? Math.floor(Math.random() * 2 ** 31))
const RUNS = 1_500
/** The listener's bound is 100 filters a connection. */
const FILTERS_A_CONNECTION = 90

async function enter(listener: SecureListener, gateway: Gateway): Promise<ByteClient> {
  const client = await listener.enter(gateway)
  if (!(await client.takePacket()).equals(connack(0))) throw new Error('The gateway was not let in.')
  return client
}

/** @returns the code of SUBACK; undefined when the connection was closed instead. */
async function ask(client: ByteClient, filter: string): Promise<number | undefined> {
  client.send(subscribe(1, [filter, 1]))
  const answer = await client.takePacket()
  if (answer.length === 0) return undefined
  if (!answer.subarray(0, 4).equals(suback(1, 0).subarray(0, 4))) throw new Error(`No SUBACK: ${answer.toString('hex')}`)
  return answer[4]
}

const level = fc.constantFrom(
  ...['v1', 'V1', 'acme', 'ACME', 'acme ', 'globex', 'gw-1', 'gw-2', 'GW-1', 'down', 'Down', 'up', 'readings'],
  ...['#', '+', '', '..', '.', '$share', '$SYS', '$queue', 'g', '%2f', 'config', 'а', '\u200b', '\ufeff', '\u0007', '\\', '*'],
)
const filters = fc.oneof(
  fc.array(level, { minLength: 1, maxLength: 7 }).map((levels) => levels.join('/')),
  fc.array(level, { maxLength: 4 }).map((levels) => OWN + levels.join('/')),
  fc.tuple(fc.nat(OWN.length), level).map(([at, text]) => `${OWN.slice(0, at)}${text}${OWN.slice(at)}#`),
  fc.tuple(fc.nat(OWN.length), level).map(([at, text]) => `${OWN.slice(0, at)}${text}${OWN.slice(at + 1)}x`),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).map((text) => (text.isWellFormed() ? OWN + text : OWN)),
)

t.test('whatever is granted lies below its own down topic, and all that lies there is granted', async (t) => {
  const listener = await openSecureListener(t)
  const gateway = await listener.enrol('acme', 'gw-1')
  let client: ByteClient | undefined
  let asked = 0
  const tally = { granted: 0, refused: 0, closed: 0 }
  t.comment(`LISTENER_SEED=${SEED}`)

  async function grantOf(filter: string): Promise<number | undefined> {
    if (client === undefined || client.isClosed || asked % FILTERS_A_CONNECTION === 0) client = await enter(listener, gateway)
    asked++
    return ask(client, filter)
  }
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      const code = await grantOf(filter)
      tally[code === undefined ? 'closed' : code === 0x80 ? 'refused' : 'granted']++
      if (code !== undefined && code !== 0x80 && !filter.startsWith(OWN)) throw new Error('granted what is not its own')
      if (code === 0x80 && filter.startsWith(OWN) && isPlain(filter)) throw new Error('refused what is its own')
    }),
    { numRuns: RUNS, seed: SEED },
  )
  t.comment(JSON.stringify(tally))
  for (const count of Object.values(tally)) t.ok(count > RUNS / 30, 'each answer was met often enough')
})

/** Without what 1.5.3 of MQTT lets a server refuse. */
const isPlain = (filter: string): boolean => /^[\x20-\x7e\u0430\u200b\ufeff]*$/u.test(filter)

const known: readonly (readonly [filter: string, isGranted: boolean])[] = [
  ['v1/acme/gw-1/down/#', true],
  ['v1/acme/gw-1/down/+', true],
  ['v1/acme/gw-1/down/config', true],
  ['v1/acme/gw-1/down/', true],
  ['v1/acme/gw-1/down', false],
  ['v1/acme/gw-1/#', false],
  ['v1/acme/+/down/#', false],
  ['v1/+/gw-1/down/#', false],
  ['v1/acme/gw-2/down/#', false],
  ['v1/globex/gw-1/down/#', false],
  ['V1/acme/gw-1/down/#', false],
  ['v1/acme/gw-1/readings', false],
  ['#', false],
  ['+/#', false],
  ['+/+/+/+/#', false],
  ['$SYS/#', false],
  ['$share/group/v1/acme/gw-1/down/#', false],
  ['$queue/v1/acme/gw-1/down/#', false],
  ['/v1/acme/gw-1/down/#', false],
]

t.test('the filters that come to mind', async (t) => {
  const listener = await openSecureListener(t)
  const client = await enter(listener, await listener.enrol('acme', 'gw-1'))
  for (const [filter, isGranted] of known)
    t.equal(await ask(client, filter), isGranted ? 1 : 0x80, `${filter} is ${isGranted ? 'granted' : 'refused'}`)
  t.equal(await listener.refusals('subscribe-forbidden'), known.filter(([, isGranted]) => !isGranted).length)

  client.send(subscribe(2, ...known.map(([filter]): readonly [string, number] => [filter, 0])))
  t.same(await client.takePacket(), suback(2, ...known.map(([, isGranted]) => (isGranted ? 0 : 0x80))), 'all in one packet')
})

/** The product's rule for gateways, on a plain socket, and a hub that may publish to all of them: none is in the product yet. */
const hubAndGateways: Policy = {
  async admit(peer, request): Promise<Session> {
    const session = await openPolicy.admit(peer, request)
    if (!session.isAdmitted) throw new Error('The open policy admits everybody.')
    const name = parseLogKey(request.clientId)
    const prefix = name === undefined ? '' : downPrefix(name)
    return { ...session, maySubscribe: (filter) => filter.startsWith(prefix) }
  },
}

t.test('what is sent down arrives at its gateway, and only there', async (t) => {
  const listener = await openListener(t, {}, hubAndGateways)
  const names = ['acme/gw-1', 'acme/gw-2', 'globex/gw-1']
  const open = async (id: string, isClean = true) => {
    const client = await listener.connect()
    client.send(connect({ id, isClean }))
    await client.takePacket()
    return client
  }
  const gateways = await Promise.all(names.map((name) => open(name)))
  for (const [index, client] of gateways.entries()) {
    client.send(subscribe(1, [`v1/${names[index]}/down/#`, 1], ['#', 1], ['+/+/+/+/#', 1]))
    t.same(await client.takePacket(), suback(1, 1, 0x80, 0x80))
  }
  const hub = await open('hub')
  for (const name of names) hub.send(publish({ topic: `v1/${name}/down/config`, payload: name }))
  for (const [index, client] of gateways.entries()) {
    t.same(await client.takePacket(), publish({ topic: `v1/${names[index]}/down/config`, payload: names[index] ?? '' }))
    client.send(PINGREQ)
    t.same(await client.takePacket(), PINGRESP, 'and nothing else')
  }
})

t.test('a kept session that asked for more than it was granted finds none of it waiting when it comes back', async (t) => {
  const listener = await openListener(t, {}, hubAndGateways)
  const open = async (id: string) => {
    const client = await listener.connect()
    client.send(connect({ id, isClean: false }))
    return client
  }
  const gateway = await open('acme/gw-1')
  t.same(await gateway.takePacket(), connack(0))
  gateway.send(subscribe(1, [`${OWN}#`, 1], ['#', 1], ['v1/globex/gw-1/down/#', 1]))
  t.same(await gateway.takePacket(), suback(1, 1, 0x80, 0x80))
  gateway.send(DISCONNECT)
  await gateway.closed()

  const hub = await open('hub')
  t.same(await hub.takePacket(), connack(0))
  for (const [index, topic] of ['v1/globex/gw-1/down/x', 'other', `${OWN}x`].entries()) {
    hub.send(publish({ topic, payload: topic, qos: 1, id: index + 1 }))
    t.same(await hub.takePacket(), acknowledgement('puback', index + 1))
  }

  const again = await open('acme/gw-1')
  t.same(await again.takePacket(), connack(0, true))
  const message = await again.takePacket()
  t.ok(message.includes(`${OWN}x`), 'its own message has waited for it')
  again.send(PINGREQ)
  t.same(await again.takePacket(), PINGRESP, 'and no other')
})
