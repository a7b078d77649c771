import type { Test } from 'tap'
import type { ListenerLimits } from '../../../ingest/listener.ts'
import type { ByteClient } from './byte-client.ts'
import { acknowledgement, PINGREQ, PINGRESP, TYPES } from './mqtt-bytes.ts'
import { type OpenListener, openListener } from './open-listener.ts'

/** A client is opened when it is first named. */
export type Step =
  | readonly [client: string, does: 'sends', ...packets: readonly Uint8Array[]]
  /** The next packet, byte for byte; where it is a PUBLISH, the listener chooses the packet id. */
  | readonly [client: string, does: 'gets', packet: Buffer]
  | readonly [client: string, does: 'gets in any order', ...packets: readonly Buffer[]]
  /** Answers the last PUBLISH or PUBREC that it got, with its packet id. */
  | readonly [client: string, does: 'answers', type: 'puback' | 'pubrec' | 'pubcomp']
  /** With the packet id of the last PUBLISH that it got, or that the other client named got. */
  | readonly [client: string, does: 'gets pubrel', of?: string]
  /** Nothing has come that it was not asked for, and the connection lives. */
  | readonly [client: string, does: 'hears nothing']
  | readonly [client: string, does: 'is closed']
  /** Goes without a word: an end of the stream, or a reset. */
  | readonly [client: string, does: 'leaves' | 'breaks off']

export interface ByteCase {
  /** A statement of the standard, as MQTT 3.1.1 numbers it; or a chapter where it has no number. */
  readonly clause: string
  /** What the listener does. */
  readonly name: string
  readonly steps: readonly Step[]
  readonly limits?: Partial<ListenerLimits>
}

export function runByteCases(t: Test, cases: readonly ByteCase[]): void {
  for (const { clause, name, steps, limits } of cases) {
    t.test(`${name} [${clause}]`, async (t) => {
      const listener = await openListener(t, limits)
      const clients = new Map<string, Player>()
      for (const [index, step] of steps.entries()) {
        const player = clients.get(step[0]) ?? (await join(listener))
        clients.set(step[0], player)
        if (step[1] === 'gets pubrel') player.lastId = clients.get(step[2] ?? step[0])?.lastId ?? 0
        await play(t, player, step, `step ${index + 1}: ${step[0]} ${step[1]}`)
      }
    })
  }
}

interface Player {
  readonly client: ByteClient
  lastId: number
}

const join = async (listener: OpenListener): Promise<Player> => ({ client: await listener.connect(), lastId: 0 })

async function play(t: Test, player: Player, step: Step, label: string): Promise<void> {
  const { client } = player
  switch (step[1]) {
    case 'sends': {
      const [, , ...packets] = step
      return client.send(...packets)
    }
    case 'gets':
      t.equal(await takeMasked(player), step[2].toString('hex'), label)
      return
    case 'gets in any order': {
      const [, , ...packets] = step
      const got: string[] = []
      for (const _ of packets) got.push(await takeMasked(player))
      t.same(got.sort(), packets.map((packet) => packet.toString('hex')).sort(), label)
      return
    }
    case 'answers':
      return client.send(acknowledgement(step[2], player.lastId))
    case 'gets pubrel':
      t.equal((await client.takePacket()).toString('hex'), acknowledgement('pubrel', player.lastId).toString('hex'), label)
      return
    case 'hears nothing':
      client.send(PINGREQ)
      t.equal((await client.takePacket()).toString('hex'), PINGRESP.toString('hex'), label)
      return
    case 'is closed':
      await client.closed()
      t.equal(client.waiting.toString('hex'), '', `${label}, without a word more`)
      return
    case 'leaves':
      return client.destroy()
    case 'breaks off':
      return void client.socket.resetAndDestroy()
  }
}

/** The packet id of a PUBLISH is the sender's to choose, so it is noted, and read as 1. */
async function takeMasked(player: Player): Promise<string> {
  const packet = Buffer.from(await player.client.takePacket())
  const first = packet[0] ?? 0
  if (first >> 4 !== TYPES.publish || (first & 0x06) === 0) return packet.toString('hex')
  const body = packet.findIndex((byte, index) => index > 0 && byte < 0x80) + 1
  const idAt = body + 2 + packet.readUInt16BE(body)
  player.lastId = packet.readUInt16BE(idAt)
  packet.writeUInt16BE(1, idAt)
  return packet.toString('hex')
}
