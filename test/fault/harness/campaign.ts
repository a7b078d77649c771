import { setTimeout } from 'node:timers/promises'
import { createOffsetsCheck } from '../check/check-offsets.ts'
import type { Violation } from '../check/violation.ts'
import { type Acks, createAcks } from './acks.ts'
import { type Audit, audit } from './audit.ts'
import type { GatewayCounts } from './gateway.ts'
import { type Moment, type MomentKind, planMoments } from './moments.ts'
import { type Product, stopProduct, whenReady } from './product.ts'
import { createRandom } from './random.ts'
import { readOffsets } from './read-stores.ts'
import { until } from './until.ts'
import { type FaultWorld, openFaultWorld } from './world.ts'

export interface CampaignOptions {
  /** Takes the ledger and the data folder. */
  readonly folder: string
  readonly seed: number
  readonly kills: number
  readonly onKill?: (kill: number) => void
}

export interface Campaign extends Audit {
  readonly killsByKind: Readonly<Record<MomentKind, number>>
  /** Kills that came while messages were published and not acknowledged. */
  readonly killsInFlight: number
  readonly counts: GatewayCounts
  /** Of each start that got so far, milliseconds from the start of the process. */
  readonly readyMs: readonly number[]
  readonly firstAckMs: readonly number[]
}

/** A start that is ready, or acknowledges, later than this is a violation; it takes about one second. */
const START_MS_MAX = 15_000
const DRAIN_MS_MAX = 60_000
const FORGET_SHARE = 0.2
const TRESPASS_SHARE = 0.25

interface Run {
  readonly world: FaultWorld
  readonly acks: Acks
  readonly violations: Violation[]
  readonly readyMs: number[]
  readonly firstAckMs: number[]
}

/** Kills the product again and again under load, then holds what it kept against what it acknowledged. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  const acks = createAcks()
  const world = await openFaultWorld({ ...options, onAcked: acks.acked })
  try {
    return await conduct({ world, acks, violations: [], readyMs: [], firstAckMs: [] }, options)
  } finally {
    await world.abandon()
  }
}

async function conduct(run: Run, { seed, kills, onKill }: CampaignOptions): Promise<Campaign> {
  const { world, violations, readyMs, firstAckMs } = run
  const random = createRandom(seed, 'campaign')
  const moments = planMoments(createRandom(seed, 'moments'))
  const offsets = createOffsetsCheck()
  const trespasses: Promise<void>[] = []
  const killsByKind: Record<MomentKind, number> = { load: 0, ack: 0, early: 0, startup: 0, shutdown: 0 }
  let killsInFlight = 0
  let product: Product | undefined = world.first

  for (let kill = 1; kill <= kills; kill++) {
    const moment = moments.next().value
    product ??= begin(run)
    if (random.share() < TRESPASS_SHARE) trespasses.push(world.trespass())
    const inFlight = await endLife(run, product, { moment, name: `kill ${kill}, ${moment.kind}` })
    product = undefined
    killsByKind[moment.kind]++
    if (inFlight > 0) killsInFlight++
    offsets.see(readOffsets(world.dataFolder), `kill ${kill}`)
    if (random.share() < FORGET_SHARE) world.gateways[random.below(world.gateways.length)]?.forget()
    onKill?.(kill)
  }

  const counts = await drain(run)
  await Promise.all(trespasses)
  await world.close()
  const last = begin(run)
  const { apiUrl } = await whenReady(last)
  const result = await audit({ ...world, apiUrl })
  const { exitCode } = await stopProduct(last)
  if (exitCode !== 0) violations.push({ kind: 'crashed', where: 'last stop', detail: `ended with ${exitCode}` })
  offsets.see(readOffsets(world.dataFolder), 'last stop')
  const all = [...violations, ...offsets.finish(), ...result.violations]
  return { ...result, violations: all, killsByKind, killsInFlight, counts, readyMs, firstAckMs }
}

function begin({ world, acks }: Run): Product {
  acks.reset()
  return world.start()
}

/** A last life without an end: every message that a gateway still remembers is acknowledged. */
async function drain(run: Run): Promise<GatewayCounts> {
  const product = begin(run)
  for (const gateway of run.world.gateways) gateway.finish()
  await whenReady(product)
  await until('every message is acknowledged', DRAIN_MS_MAX, () => (run.world.counts().waiting === 0 ? true : undefined))
  noteStart(run)
  await stopProduct(product)
  return run.world.counts()
}

/** Lets a life run up to its moment, and kills it there. @returns how many messages were in flight. */
async function endLife(run: Run, product: Product, { moment, name }: { moment: Moment; name: string }): Promise<number> {
  let inFlight = 0
  let isStruck = false
  const strike = (): void => {
    if (isStruck) return
    isStruck = true
    inFlight = run.world.counts().inFlight
    product.child.kill('SIGKILL')
  }
  await Promise.race([product.exited, awaitMoment(run, product, moment, strike).catch((error: unknown) => fail(error))])
  strike()
  const { exitCode, signal } = await product.exited
  const isAsWished = signal === 'SIGKILL' || (moment.kind === 'shutdown' && exitCode === 0)
  if (!isAsWished)
    run.violations.push({ kind: 'crashed', where: name, detail: `ended with ${exitCode ?? signal}: ${product.stderr()}` })
  noteStart(run)
  return inFlight

  function fail(error: unknown): void {
    run.violations.push({ kind: 'not-ready', where: name, detail: `${error}\n${product.stderr()}` })
  }
}

function noteStart({ acks, firstAckMs }: Run): void {
  const ms = acks.firstMs()
  if (ms !== undefined) firstAckMs.push(ms)
}

/** Resolves when it is time to kill, or calls `strike` itself where a turn of the event loop matters. */
async function awaitMoment(run: Run, product: Product, moment: Moment, strike: () => void): Promise<void> {
  const { kind, delayMs, acks, graceMs } = moment
  const startMs = performance.now()
  if (kind === 'startup') return setTimeout(delayMs)

  await within('the product is ready', product.ready)
  run.readyMs.push(performance.now() - startMs)
  if (kind === 'early') return setTimeout(delayMs)
  if (kind === 'ack') {
    const { promise, resolve } = Promise.withResolvers<void>()
    run.acks.at(acks, () => {
      strike()
      resolve()
    })
    return within(`${acks} messages are acknowledged`, promise)
  }
  await until('a message is acknowledged', START_MS_MAX, run.acks.firstMs)
  await setTimeout(delayMs)
  if (kind !== 'shutdown') return
  product.child.kill('SIGTERM')
  await setTimeout(graceMs)
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const expiry = setTimeout(START_MS_MAX, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`Waited ${START_MS_MAX} ms in vain until ${what}.`)
  })
  try {
    return await Promise.race([promise, expiry])
  } finally {
    expiry.catch(() => undefined)
    timer.abort()
  }
}
