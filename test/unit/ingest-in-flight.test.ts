// Goal: what is let in never passes a limit, nobody waits for ever, and what is gone has given everything back.
// Method: random arrivals, releases, closings and stray wakes of several connections, checked against counts of the test's own after each step.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Allowance, createInFlight, type InFlight, type InFlightLimits } from '../../ingest/in-flight.ts'

const CONNECTIONS = 4
const HUGE = 1_000

interface Gateway {
  readonly allowance: Allowance
  /** Sizes of messages whose header has come, and whose body has not been let in. */
  readonly arrived: number[]
  readonly inside: number[]
  isClosed: boolean
}

/** Connections as they behave: they offer their first message again when they are woken, later than at once. */
function createWorld(total: InFlightLimits, own: InFlightLimits) {
  const inFlight = createInFlight(total)
  const wakes: (() => void)[] = []
  const gateways = Array.from({ length: CONNECTIONS }, () => {
    const gateway: Gateway = {
      allowance: inFlight.open(own, () => wakes.push(() => offer(gateway))),
      arrived: [],
      inside: [],
      isClosed: false,
    }
    return gateway
  })

  function offer({ allowance, arrived, inside, isClosed }: Gateway): void {
    while (!isClosed) {
      const [size] = arrived
      if (size === undefined || !allowance.reserve(size)) return
      arrived.shift()
      inside.push(size)
    }
  }

  function release({ allowance, inside, isClosed }: Gateway): void {
    const size = inside.shift()
    if (size !== undefined && !isClosed) allowance.release(size)
  }

  function close(gateway: Gateway): void {
    if (!gateway.isClosed) gateway.allowance.close()
    gateway.isClosed = true
  }

  const wakeAll = (): void => {
    for (let wake = wakes.shift(); wake !== undefined; wake = wakes.shift()) wake()
  }
  return { inFlight, gateways, wakes, wakeAll, offer, release, close }
}

type World = ReturnType<typeof createWorld>

const size = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) }, { weight: 1, arbitrary: fc.constant(HUGE) })
const who = fc.nat(CONNECTIONS - 1)
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('arrive' as const), who, size }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wake' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stray' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), who }) },
)
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never

function apply(world: World, one: Command): void {
  const gateway = world.gateways[one.who]
  if (gateway === undefined) return
  if (one.kind === 'arrive') {
    gateway.arrived.push(one.size)
    world.offer(gateway)
  } else if (one.kind === 'release') world.release(gateway)
  else if (one.kind === 'wake') world.wakes.shift()?.()
  else if (one.kind === 'stray') world.offer(gateway)
  else world.close(gateway)
}

/** Messages fit any limit of this test, but for huge ones: a message that is larger than a limit passes alone. */
const isWithin = (bytes: number, limits: InFlightLimits): boolean => bytes <= limits.bytesMax || bytes === HUGE

function assertLimits({ inFlight, gateways }: World, total: InFlightLimits, own: InFlightLimits): void {
  const open = gateways.filter(({ isClosed }) => !isClosed)
  const inside = open.flatMap((gateway) => gateway.inside)
  assert.ok(inFlight.messages <= total.messagesMax && inFlight.messages >= inside.length)
  assert.ok(isWithin(inFlight.bytes, total) && inFlight.bytes >= sum(inside))
  for (const gateway of open) assert.ok(gateway.inside.length <= own.messagesMax && isWithin(sum(gateway.inside), own))
}

const sum = (sizes: readonly number[]): number => sizes.reduce((total, one) => total + one, 0)

const limits = fc.record({ messagesMax: fc.integer({ min: 1, max: 6 }), bytesMax: fc.integer({ min: 40, max: 100 }) })
const commands = fc.array(command, { maxLength: 60 })

t.test('limits hold after every step, and everything that has come gets in at last', async () => {
  fc.assert(
    fc.property(limits, limits, commands, (total, own, steps) => {
      const world = createWorld(total, own)
      for (const one of steps) {
        apply(world, one)
        assertLimits(world, total, own)
      }
      const open = world.gateways.filter(({ isClosed }) => !isClosed)
      const outside = (): number => open.reduce((count, { arrived }) => count + arrived.length, 0)
      for (let rounds = outside() * 3 + 1; rounds > 0; rounds--) {
        world.wakeAll()
        for (const gateway of open) for (let left = gateway.inside.length; left > 0; left--) world.release(gateway)
        assertLimits(world, total, own)
      }
      assert.equal(outside(), 0, 'nobody waits for ever')
      assert.deepEqual([world.inFlight.messages, world.inFlight.bytes], [0, 0])
    }),
    { numRuns: 3_000 },
  )
})

t.test('a connection that closes gives back all it had, also room that was kept for it', async () => {
  fc.assert(
    fc.property(limits, limits, commands, (total, own, steps) => {
      const world = createWorld(total, own)
      for (const one of steps) apply(world, one)
      for (const gateway of world.gateways) world.close(gateway)
      assert.deepEqual([world.inFlight.messages, world.inFlight.bytes], [0, 0])
      world.wakeAll()
      assert.deepEqual([world.inFlight.messages, world.inFlight.bytes], [0, 0])
    }),
    { numRuns: 1_000 },
  )
})

t.test('a large message is not kept out for ever by small ones', async (t) => {
  const inFlight: InFlight = createInFlight({ messagesMax: 100, bytesMax: 100 })
  const own = { messagesMax: 100, bytesMax: 100 }
  const small = inFlight.open(own, () => undefined)
  let isWoken = false
  const large = inFlight.open(own, () => (isWoken = true))
  for (let count = 0; count < 10; count++) small.reserve(10)
  t.equal(large.reserve(90), false)
  for (let round = 0; round < 50 && !isWoken; round++) {
    small.release(10)
    small.reserve(10)
  }
  for (let count = 0; count < 10 && !isWoken; count++) small.release(10)
  t.ok(isWoken, 'the small ones stood behind it')
  t.equal(large.reserve(90), true)
})

t.test('waits are counted', async (t) => {
  const inFlight = createInFlight({ messagesMax: 1, bytesMax: 10 })
  const allowance = inFlight.open({ messagesMax: 1, bytesMax: 10 }, () => undefined)
  t.ok(allowance.reserve(5))
  t.equal(inFlight.pauses, 0)
  t.notOk(allowance.reserve(5))
  t.equal(inFlight.pauses, 1)
})
