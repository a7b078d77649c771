export interface InFlightLimits {
  readonly messagesMax: number
  readonly bytesMax: number
}

/** What one connection has been let in and isn't durable yet. */
export interface Allowance {
  /** Takes room for a message before its body is read. @returns false when there is none: don't read on. */
  reserve(bytes: number): boolean
  /** Gives the room of one message back. */
  release(bytes: number): void
  /** Gives everything back; the connection is gone. */
  close(): void
}

export interface InFlight {
  readonly messages: number
  readonly bytes: number
  /** How often a connection had to wait since the start. */
  readonly pauses: number
  /** @param onRoom  Called, once, when there is room again after a `reserve` that failed. */
  open(limits: InFlightLimits, onRoom: () => void): Allowance
}

/** Waking a connection for the room of one message costs more than the message. */
const LOW_WATER = 0.75
const MESSAGES_PER_WAKE = 16

/**
 * Counts messages from the moment their header arrives until they are durable, for each connection and in all. Past a limit the socket isn't read,
 * so the pressure reaches the gateway through TCP and nothing piles up here.
 */
export function createInFlight(total: InFlightLimits): InFlight {
  let messages = 0
  let bytes = 0
  let pauses = 0
  /** Those that found no room in all, first come first served. */
  const queue = new Set<() => void>()

  /** Wakes some of those who wait once there is room worth waking them for; each takes what it needs, and comes back here if there was not enough. */
  function wakeWaiting(): void {
    if (messages > total.messagesMax * LOW_WATER || bytes > total.bytesMax * LOW_WATER) return
    let toWake = Math.max(1, Math.floor((total.messagesMax - messages) / MESSAGES_PER_WAKE))
    for (const wake of queue) {
      queue.delete(wake)
      wake()
      toWake--
      if (toWake === 0) return
    }
  }

  function open(limits: InFlightLimits, onRoom: () => void): Allowance {
    let ownMessages = 0
    let ownBytes = 0
    let isWaitingForOwn = false

    // A single message larger than a limit may pass alone, or it never could.
    const fits = (size: number): boolean =>
      ownMessages < limits.messagesMax && (ownBytes === 0 || ownBytes + size <= limits.bytesMax)
    const fitsInAll = (size: number): boolean => messages < total.messagesMax && (bytes === 0 || bytes + size <= total.bytesMax)

    return {
      reserve(size) {
        if (!fits(size)) {
          isWaitingForOwn = true
          pauses++
          return false
        }
        if (!fitsInAll(size)) {
          queue.add(onRoom)
          pauses++
          return false
        }
        messages++
        bytes += size
        ownMessages++
        ownBytes += size
        return true
      },
      release(size) {
        messages--
        bytes -= size
        ownMessages--
        ownBytes -= size
        if (isWaitingForOwn) {
          isWaitingForOwn = false
          onRoom()
        }
        if (queue.size > 0) wakeWaiting()
      },
      close() {
        messages -= ownMessages
        bytes -= ownBytes
        ownMessages = 0
        ownBytes = 0
        queue.delete(onRoom)
        if (queue.size > 0) wakeWaiting()
      },
    }
  }

  return {
    open,
    get messages() {
      return messages
    },
    get bytes() {
      return bytes
    },
    get pauses() {
      return pauses
    },
  }
}
