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
  readonly registry: Pick<GatewayStore, 'recordPresence'>
  readonly clock: () => number
  readonly log: Logger
  readonly everyMs: number
}

/** Which gateways are there and when they last spoke; written down in batches, so that a reconnect storm is a few statements. */
export function startPresence({ registry, clock, log, everyMs }: PresenceOptions): Presence {
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

  const timer = setInterval(() => {
    writing = writing.then(write)
  }, everyMs)

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
      await writing
      await write()
    },
  }
}
