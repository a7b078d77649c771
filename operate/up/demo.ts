import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Running } from '../../platform/runtime/lifecycle.ts'
import type { LogOptions } from '../../platform/runtime/log.ts'
import { startThread } from '../../platform/runtime/thread.ts'
import { writeFileDurably } from '../../platform/runtime/write-file.ts'
import { enrolSimulated } from '../commands/simulated-gateways.ts'
import { DAY_MS } from '../operations/parameters.ts'
import type { SimulatorProgress } from '../simulator/options.ts'
import { GATEWAYS_DEFAULT } from '../simulator/plan.ts'
import type { DemoCalls, DemoThreadData } from './demo-thread.ts'
import type { Up } from './start.ts'

export const DEMO_TENANT = 'demo'
/** A sensor that every factory of the simulator has. */
export const DEMO_SENSOR = 'main-meter'

const SAVE_EVERY_MS = 30_000
const PROGRESS_EVERY_MS = 250
const SEED = 7

export interface DemoOptions {
  readonly up: Up
  readonly folder: string
  readonly backfillDays: number
  readonly logOptions: LogOptions
  readonly onProgress: (progress: SimulatorProgress) => void
  readonly onLive: () => void
  readonly onDeath: (error: Error) => void
}

export interface Demo extends Running {
  /** Reads the demo tenant's data; kept in the data folder. */
  readonly token: string
}

/** What a later start must know, so that the factory goes on where it was. */
interface DemoState {
  readonly token?: string
  readonly tokenExpiresMs?: number
  readonly originMs?: number
  readonly sentUntilMs?: number
}

/** A customer with a factory that is always running: history first, then live, sent by gateways like any others, from a thread of its own. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { up, folder } = options
  const file = join(folder, 'demo.json')
  let state = await readState(file)
  const save = async (change: DemoState): Promise<void> => {
    state = { ...state, ...change }
    await writeFileDurably(file, JSON.stringify(state), 0o600)
  }
  await addTenant(up)
  const token = await keepToken(up, state, save)
  const { caPem, gateways } = await enrolSimulated(up.operations, {
    tenant: DEMO_TENANT,
    count: GATEWAYS_DEFAULT,
    folder: join(folder, 'demo-gateways'),
    nowMs: Date.now(),
  })
  const originMs = state.originMs ?? floorToMinute(Date.now() - options.backfillDays * DAY_MS)
  await save({ originMs })

  const thread = startThread<DemoCalls>({
    module: new URL('./demo-thread.ts', import.meta.url),
    data: {
      logOptions: options.logOptions,
      simulator: {
        host: 'localhost',
        port: up.mqttPort,
        caPem,
        gateways,
        seed: SEED,
        originMs,
        backfillDays: missingDays(state, options),
      },
    } satisfies DemoThreadData,
    unavailable: 'admin.unavailable',
    onDeath: options.onDeath,
  })
  const stopWatching = watch(
    () => thread.call('progress'),
    options,
    () => save({ sentUntilMs: Date.now() }),
  )

  return {
    name: 'demo',
    token,
    async stop() {
      const isLive = await stopWatching()
      await thread.call('stop')
      await thread.terminate()
      if (isLive) await save({ sentUntilMs: Date.now() })
    },
  }
}

/** Tells of progress until the history is through, then saves now and then how far the factory has come. @returns ends it; says whether it was live. */
function watch(
  progress: () => Promise<{ readonly history: SimulatorProgress; readonly isLive: boolean }>,
  { onProgress, onLive }: Pick<DemoOptions, 'onProgress' | 'onLive'>,
  save: () => Promise<void>,
): () => Promise<boolean> {
  let isLive = false
  let saving = Promise.resolve()
  const saver = setInterval(() => {
    if (isLive) saving = saving.then(save, save)
  }, SAVE_EVERY_MS)
  const timer = setInterval(async () => {
    const now = await progress().catch(() => undefined)
    if (now === undefined || isLive) return
    onProgress(now.history)
    if (!now.isLive) return
    isLive = true
    clearInterval(timer)
    onLive()
  }, PROGRESS_EVERY_MS)
  return async () => {
    clearInterval(timer)
    clearInterval(saver)
    await saving.catch(() => undefined)
    return isLive
  }
}

async function addTenant({ operations }: Up): Promise<void> {
  const { tenants } = await operations.call('tenants.list', {})
  if (!tenants.some(({ id }) => id === DEMO_TENANT))
    await operations.call('tenants.add', { tenant: DEMO_TENANT, name: 'Demo factory' })
}

async function keepToken({ operations }: Up, state: DemoState, save: (change: DemoState) => Promise<void>): Promise<string> {
  if (state.token !== undefined && (state.tokenExpiresMs ?? 0) > Date.now() + DAY_MS) return state.token
  const { secret } = await operations.call('tokens.create', {
    tenant: DEMO_TENANT,
    scopes: ['read', 'diagnose'],
    label: 'demo',
    expiresInMs: 90 * DAY_MS,
  })
  await save({ token: secret, tokenExpiresMs: Date.now() + 90 * DAY_MS })
  return secret
}

/** All of the history at first; later, what passed while nothing ran. */
function missingDays({ sentUntilMs }: DemoState, { backfillDays }: DemoOptions): number {
  return sentUntilMs === undefined ? backfillDays : Math.min(backfillDays, Math.max(0, (Date.now() - sentUntilMs) / DAY_MS))
}

const floorToMinute = (ms: number): number => ms - (ms % 60_000)

async function readState(file: string): Promise<DemoState> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const state: DemoState = JSON.parse(text)
  return state
}
