import { setTimeout } from 'node:timers/promises'
import { CRASH_POINTS } from '../../../platform/runtime/crash-points.ts'
import type { Random } from '../harness/random.ts'
import type { Cluster, Member } from './cluster.ts'
import { canSlowDisks, slowDisk } from './disks.ts'
import { SERVERS, type ServerName, type Servers, type Wire } from './servers.ts'

/** Something that goes wrong, and is right again when it resolves. */
export interface Fault {
  readonly kind: string
  run(): Promise<void>
}

export interface Scene {
  readonly cluster: Cluster
  readonly servers: Servers
  /** Between gateways and the listeners. */
  readonly doors: readonly Wire[]
}

const PAUSE_MS_MAX = 6_000
const SLOW_MS_MAX = 400
const CRASH_PASSES_MAX = 20

/** One or two of our processes die at once, by a kill or at a crash point between two durable steps. */
export function planKill(random: Random, { cluster }: Scene): Fault {
  const count = random.share() < 0.4 ? 2 : 1
  const first = random.below(cluster.members.length)
  const victims = Array.from(
    { length: count },
    (_, n) => cluster.members[(first + n * (1 + random.below(3))) % cluster.members.length],
  )
  const members = [...new Set(victims)].filter((member) => member !== undefined)
  const points = members.map((member) => (random.share() < 0.3 ? pointFor(random, member) : undefined))
  return {
    kind: `kill ${members.map(({ role }, n) => (points[n] === undefined ? role : points[n])).join(' and ')}`,
    async run() {
      for (const [n, member] of members.entries()) {
        const point = points[n]
        if (point !== undefined) member.crashNext(point)
        member.kill('SIGKILL')
      }
    },
  }
}

/** The crash points that a process of a role comes by, by the first part of their names. */
const POINTS_OF: Readonly<Partial<Record<Member['role'], readonly string[]>>> = {
  ingest: ['ingest'],
  process: ['process', 'rejections'],
}

function pointFor(random: Random, { role }: Member): string | undefined {
  const own = CRASH_POINTS.filter((point) => POINTS_OF[role]?.some((part) => point.startsWith(`${part}.`)))
  if (own.length === 0) return undefined
  return `${own[random.below(own.length)]}:${1 + random.below(CRASH_PASSES_MAX)}`
}

const AT_DOOR = 'gateways'
const PAIR_SHARE = 0.4
const SERVERS_SHARE = 0.15

/** A server or the way to it fails, or one of our own processes stands still; often together with something else. */
export function planFault(random: Random, scene: Scene): Fault {
  const name = random.pick<ServerName>([...SERVERS])
  const pauseMs = 500 + random.below(PAUSE_MS_MAX)
  const chosen = planOne(random, scene, { name, pauseMs })
  const share = random.share()
  if (share >= PAIR_SHARE) return chosen
  // A pair: while that goes on, another server fails, too, or one of our own dies.
  const others = SERVERS.filter((one) => one !== name)
  const other = others[random.below(others.length)] ?? name
  // Two faults never share a wire.
  const rest = chosen.kind.startsWith(AT_DOOR) ? { ...scene, doors: [] } : scene
  const second = share < SERVERS_SHARE ? planOne(random, rest, { name: other, pauseMs }) : planKill(random, scene)
  return {
    kind: `${chosen.kind}, ${second.kind}`,
    async run() {
      const running = chosen.run()
      await setTimeout(pauseMs / 2)
      await Promise.all([second.run(), running])
    },
  }
}

function planOne(
  random: Random,
  { cluster, servers, doors }: Scene,
  { name, pauseMs }: { readonly name: ServerName; readonly pauseMs: number },
): Fault {
  const server = servers[name]
  const wire = servers.wires[name]
  const member = cluster.members[random.below(cluster.members.length)]
  const door = doors[random.below(doors.length)]
  const faults: readonly (() => Fault)[] = [
    () => ({
      kind: `${name} killed`,
      async run() {
        server.child.kill('SIGKILL')
        await setTimeout(pauseMs)
        await server.startAgain()
      },
    }),
    () => stood(`${name} stopped`, pauseMs, (signal) => server.child.kill(signal)),
    () => stood(`${member?.role} stopped`, pauseMs, (signal) => member?.kill(signal)),
    () => wired(`${name} cut off`, pauseMs, wire.cut, wire.heal),
    () => wired(`${name} half open`, pauseMs, wire.silence, wire.heal),
    () => diskFull(name, pauseMs, servers),
    () => diskSlow(name, pauseMs, { servers, delayMs: 50 + random.below(SLOW_MS_MAX) }),
    () => wired(`${name} slow`, pauseMs, () => wire.slow(20 + random.below(SLOW_MS_MAX)), wire.heal),
  ]
  const all = [...faults, ...(door === undefined ? [] : atDoor(random, door, pauseMs))]
  const chosen = all[random.below(all.length)]?.()
  if (chosen === undefined) throw new Error('There is always a fault to choose.')
  return chosen
}

function atDoor(random: Random, door: Wire, pauseMs: number): readonly (() => Fault)[] {
  return [
    () => wired(`${AT_DOOR} cut off`, pauseMs, door.cut, door.heal),
    () => wired(`${AT_DOOR} half open`, pauseMs, door.silence, door.heal),
    () => wired(`${AT_DOOR} slow`, pauseMs, () => door.slow(20 + random.below(SLOW_MS_MAX)), door.heal),
  ]
}

/** After it the server is started anew, as its operator must do; Kafka has ended by itself. */
function diskFull(name: ServerName, pauseMs: number, { [name]: server, disks }: Servers): Fault {
  const disk = disks[name]
  return {
    kind: disk === undefined ? `${name} restarted` : `${name} disk full`,
    async run() {
      disk?.fill()
      await setTimeout(pauseMs)
      disk?.free()
      await server.stop()
      await server.startAgain()
    },
  }
}

/** Each flush takes longer. */
function diskSlow(name: ServerName, pauseMs: number, { servers, delayMs }: { servers: Servers; delayMs: number }): Fault {
  const { pid } = servers[name].child
  if (!canSlowDisks() || pid === undefined) return stood(`${name} stopped`, pauseMs, (signal) => servers[name].child.kill(signal))
  return {
    kind: `${name} disk slow`,
    async run() {
      const quick = await slowDisk(pid, delayMs)
      await setTimeout(pauseMs)
      await quick()
    },
  }
}

function stood(kind: string, pauseMs: number, signal: (name: NodeJS.Signals) => void): Fault {
  return {
    kind,
    async run() {
      signal('SIGSTOP')
      await setTimeout(pauseMs)
      signal('SIGCONT')
    },
  }
}

function wired(kind: string, pauseMs: number, harm: () => Promise<void>, heal: () => Promise<void>): Fault {
  return {
    kind,
    async run() {
      await harm()
      await setTimeout(pauseMs)
      await heal()
    },
  }
}
