import { type Acknowledge, createAckOrder } from './ack-order.ts'
import type { Amount } from './in-flight.ts'

export interface Unacknowledged {
  /** Of these, what was given room. A gateway that leaves and comes again must not get that room twice. */
  readonly withRoom: Amount
  /** @param bytes  What it was given room for; undefined for a will, which came with CONNECT. @returns what is called when it is durable, or can't be. */
  add(bytes: number | undefined, acknowledge: Acknowledge): Acknowledge
  /** Resolves when none is left, or nobody waits for them any more. */
  none(): Promise<void>
  abandon(): void
}

/** Messages of one connection that are on their way to the event log: acknowledged in the order in which they came. */
export function createUnacknowledged(release: (bytes: number) => void): Unacknowledged {
  const order = createAckOrder()
  const withRoom = { messages: 0, bytes: 0 }
  let count = 0
  let onNone: (() => void) | undefined
  let isAbandoned = false

  function note(messages: number, bytes: number): void {
    withRoom.messages += messages
    withRoom.bytes += bytes
  }

  return {
    withRoom,
    add(bytes, acknowledge) {
      const inOrder = order(acknowledge)
      count++
      if (bytes !== undefined) note(1, bytes)
      return (error) => {
        count--
        if (bytes !== undefined) {
          note(-1, -bytes)
          release(bytes)
        }
        inOrder(error)
        if (count === 0) onNone?.()
      }
    },
    async none() {
      if (count > 0 && !isAbandoned) await new Promise<void>((resolve) => (onNone = resolve))
    },
    abandon() {
      isAbandoned = true
      onNone?.()
    },
  }
}
