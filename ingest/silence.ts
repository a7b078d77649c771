/** One and a half times, [MQTT-3.1.2-24]. */
const KEEP_ALIVE_MS_A_SECOND = 1_500

export interface Heard {
  /** The last packet has begun and is not whole yet. */
  readonly isPartial: boolean
  /** Its first byte came just now, or it was we who held its bytes back until now. */
  readonly isFresh: boolean
}

/** Notices a peer whose packet takes too long to arrive, or who says nothing at all. */
export function createSilence(now: () => number = () => performance.now()) {
  let partialSinceMs: number | undefined
  let heardMs = now()
  let silenceMaxMs = Number.POSITIVE_INFINITY

  return {
    /** How often the peer says that it will speak. */
    keepAlive(seconds: number): void {
      silenceMaxMs = seconds * KEEP_ALIVE_MS_A_SECOND
    },
    /** Bytes have come. A packet's time runs from its own first byte, and not while it is we who hold it back. */
    heard({ isPartial, isFresh }: Heard): void {
      heardMs = now()
      if (!isPartial) partialSinceMs = undefined
      else if (partialSinceMs === undefined || isFresh) partialSinceMs = heardMs
    },
    /** While we leave bytes unread, it is we who are slow. */
    excuse(): void {
      heardMs = now()
    },
    fault(packetTimeoutMs: number): 'packet-timeout' | 'keep-alive-timeout' | undefined {
      const nowMs = now()
      if (partialSinceMs !== undefined && nowMs - partialSinceMs > packetTimeoutMs) return 'packet-timeout'
      return nowMs - heardMs > silenceMaxMs ? 'keep-alive-timeout' : undefined
    },
  }
}
