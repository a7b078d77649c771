export interface InFlightLimits {
  readonly messagesMax: number
  readonly bytesMax: number
}

export interface Amount {
  readonly messages: number
  readonly bytes: number
}

/** What one connection has been let in and isn't durable yet. */
export interface Allowance {
  /** Takes room for a message before its body is read. @returns false when there is none: don't read on, and ask for the same message again on `onRoom`. */
  reserve(bytes: number): boolean
  /** Gives the room of one message back. */
  release(bytes: number): void
  /** The connection is gone: gives everything back but `kept`, which is on its way to the event log and given back by `release`. */
  close(kept?: Amount): void
}

export interface InFlight {
  readonly messages: number
  readonly bytes: number
  /** How often a connection had to wait since the start. */
  readonly pauses: number
  /** @param onRoom  Called, once, when there is room again after a `reserve` that failed. */
  open(limits: InFlightLimits, onRoom: () => void): Allowance
}

const NOTHING: Amount = { messages: 0, bytes: 0 }

/** Waking a connection for the room of one message costs more than the message: the line is served in bulk, below this share of the messages, */
const LOW_WATER = 0.75
/** and who is served may take this many at once, so that one read, one flush and one write of acknowledgements hold many. */
const BURST_MESSAGES = 32

interface Waiting {
  readonly bytes: number
  /** Called when its room has been taken for it. */
  granted(): void
}

/**
 * Counts messages from the moment their header arrives until they are durable, for each connection and in all. Past a limit the socket isn't read,
 * so the pressure reaches the gateway through TCP and nothing piles up here.
 */
export function createInFlight(total: InFlightLimits): InFlight {
  let messages = 0
  let bytes = 0
  let pauses = 0
  /** Those that found no room in all, first come first served. Nobody passes them, or small messages would keep a large one out for ever. */
  const line = new Set<Waiting>()

  // A single message larger than a limit may pass alone, or it never could.
  const fitsInAll = (size: number): boolean => messages < total.messagesMax && (bytes === 0 || bytes + size <= total.bytesMax)

  function take(count: number, size: number): void {
    messages += count
    bytes += size
  }

  /** Room is taken for those who wait, not only offered: what one lets go may be room for many, and nobody else may come between. */
  function serveLine(): void {
    if (messages > total.messagesMax * LOW_WATER) return
    let servings = Math.ceil((total.messagesMax - messages) / BURST_MESSAGES)
    for (const waiting of line) {
      if (servings === 0 || !fitsInAll(waiting.bytes)) return
      servings--
      line.delete(waiting)
      take(1, waiting.bytes)
      waiting.granted()
    }
  }

  function open(limits: InFlightLimits, onRoom: () => void): Allowance {
    let ownMessages = 0
    let ownBytes = 0
    let isWaitingForOwn = false
    let waiting: Waiting | undefined
    /** The size of a message whose room was taken while it waited. */
    let granted: number | undefined
    /** Messages that it may still take past the line, since it was served. */
    let burst = 0

    const fits = (size: number): boolean =>
      ownMessages < limits.messagesMax && (ownBytes === 0 || ownBytes + size <= limits.bytesMax)

    function own(size: number): void {
      ownMessages++
      ownBytes += size
    }

    function standInLine(size: number): void {
      waiting = {
        bytes: size,
        granted() {
          waiting = undefined
          granted = size
          burst = BURST_MESSAGES
          own(size)
          onRoom()
        },
      }
      line.add(waiting)
    }

    function release(size: number): void {
      take(-1, -size)
      ownMessages--
      ownBytes -= size
      if (isWaitingForOwn) {
        isWaitingForOwn = false
        onRoom()
      }
      serveLine()
    }

    return {
      release,
      reserve(size) {
        if (granted !== undefined) {
          const had = granted
          granted = undefined
          if (had === size) return true
          release(had)
        }
        if (waiting !== undefined) return false
        if (fits(size) && (line.size === 0 || burst > 0) && fitsInAll(size)) {
          burst--
          take(1, size)
          own(size)
          return true
        }
        pauses++
        if (fits(size)) standInLine(size)
        else isWaitingForOwn = true
        return false
      },
      close(kept = NOTHING) {
        if (waiting !== undefined) line.delete(waiting)
        waiting = undefined
        take(kept.messages - ownMessages, kept.bytes - ownBytes)
        ownMessages = kept.messages
        ownBytes = kept.bytes
        serveLine()
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
