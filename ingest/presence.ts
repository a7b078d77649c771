import type { GatewayStore, PresenceChange } from '../platform/ports/metadata.ts'
import type { Running } from '../platform/runtime/lifecycle.ts'
import type { Logger } from '../platform/runtime/log.ts'
import { type GatewayName, logKey } from '../schemas/topics.ts'

export interface Presence extends Running {
  connected(gateway: GatewayName): void
  disconnected(gateway: GatewayName): void
  /** Cheap: called for every message. */
  heard(gateway: GatewayName): void
}

interface State {
  readonly gateway: GatewayName
  isConnected: boolean
  sinceMs: number
  lastMessageMs: number | undefined
  isDirty: boolean
}

export interface PresenceOptions {
  readonly registry: Pick<GatewayStore, 'recordPresence' | 'clearPresence' | 'keepAlive'>
  /** Its name among listeners that share a registry. */
  readonly listener: string
  readonly clock: () => number
  readonly log: Logger
  readonly everyMs: number
}

const ALIVE_EVERY_MS = 10_000
/** A listener that has said nothing for so long is dead, or can't reach the registry; its gateways are somewhere else by now. */
const DEAD_AFTER_MS = 60_000

/** Which gateways are there and when they last spoke; written down in batches, so that a reconnect storm is a few statements. */
export async function startPresence({ registry, listener, clock, log, everyMs }: PresenceOptions): Promise<Presence> {
  await registry.clearPresence(listener, clock())
  await alive()
  const states = new Map<string, State>()
  let writing: Promise<void> = Promise.resolve()

  function note(gateway: GatewayName, change: Partial<State>): void {
    const key = logKey(gateway)
    const state = states.get(key) ?? { gateway, isConnected: false, sinceMs: clock(), lastMessageMs: undefined, isDirty: true }
    states.set(key, Object.assign(state, change, { isDirty: true }))
  }

  function takeChanges(): readonly PresenceChange[] {
    const changes: PresenceChange[] = []
    for (const [key, state] of states) {
      if (!state.isDirty) continue
      state.isDirty = false
      const { gateway, isConnected, sinceMs, lastMessageMs } = state
      changes.push({
        tenant: gateway.tenant,
        gateway: gateway.gateway,
        listener,
        isConnected,
        sinceMs,
        ...(lastMessageMs !== undefined && { lastMessageMs }),
      })
      if (!isConnected) states.delete(key)
    }
    return changes
  }

  async function write(): Promise<void> {
    const changes = takeChanges()
    if (changes.length === 0) return
    await registry
      .recordPresence(changes)
      .catch((error: unknown) => log.warn({ err: error, gateways: changes.length }, 'Presence could not be written.'))
  }

  async function alive(): Promise<void> {
    await registry
      .keepAlive(listener, clock(), clock() - DEAD_AFTER_MS)
      .catch((error: unknown) => log.warn({ err: error }, 'The listener could not say that it is alive.'))
  }

  const timer = setInterval(() => {
    writing = writing.then(write)
  }, everyMs)
  const heartbeat = setInterval(() => {
    writing = writing.then(alive)
  }, ALIVE_EVERY_MS)

  return {
    name: 'presence',
    connected: (gateway) => note(gateway, { isConnected: true, sinceMs: clock() }),
    disconnected: (gateway) => note(gateway, { isConnected: false, sinceMs: clock() }),
    heard(gateway) {
      const state = states.get(logKey(gateway))
      if (state === undefined) return
      state.lastMessageMs = clock()
      state.isDirty = true
    },
    async stop() {
      clearInterval(timer)
      clearInterval(heartbeat)
      await writing
      await write()
    },
  }
}
