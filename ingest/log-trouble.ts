import type { Logger } from '../platform/runtime/log.ts'
import type { GatewayName } from '../schemas/topics.ts'

export interface Trouble {
  failed(from: Partial<GatewayName>, error: Error): void
  succeeded(): void
}

/** Says that the event log is away, and that it is back: once each, and not for each of the thousands of messages in between. */
export function createTrouble(log: Logger): Trouble {
  let failures = 0

  return {
    failed({ tenant, gateway }, error) {
      failures++
      if (failures > 1) return
      log.error(
        { tenant, gateway, err: error },
        'The event log takes nothing. Messages are not acknowledged and their connections are closed, until it does again.',
      )
    },
    succeeded() {
      if (failures > 0) log.info({ messages: failures }, 'The event log takes messages again.')
      failures = 0
    },
  }
}
