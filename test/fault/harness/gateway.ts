import type { MqttClient } from 'mqtt'
import type { GatewayCredentials } from '../../../operate/simulator/gateway-link.ts'
import { type GatewayName, readingsTopic } from '../../../schemas/topics.ts'
import type { Ledger } from './ledger.ts'
import { type Door, openLine } from './line.ts'
import type { PlannedMessage } from './message.ts'

export interface FaultGatewayOptions {
  readonly door: Door
  readonly credentials: GatewayCredentials
  readonly ledger: Ledger
  /** Messages that wait for their PUBACK at a time. */
  readonly inFlightMax: number
  readonly nextMessage: () => PlannedMessage
  /** How long it waits after an acknowledgement; 0 when left out. */
  readonly paceMs?: number
  /** Called in the turn in which an acknowledgement is read. */
  readonly onAcked: () => void
}

/** A gateway under load: it keeps its messages in flight, comes back when the connection ends, and sends what wasn't acknowledged again, oldest first. */
export interface FaultGateway extends GatewayName {
  counts(): GatewayCounts
  /** Makes no further messages. */
  finish(): void
  /** Switched off and on again with nothing remembered: whether its unacknowledged messages have arrived is never known. */
  forget(): void
  close(): void
}

export interface GatewayCounts {
  readonly sent: number
  readonly resent: number
  readonly acked: number
  readonly forgotten: number
  /** Without an acknowledgement, whether there is a connection or not. */
  readonly waiting: number
  /** Published on the connection that is open now, and not acknowledged. */
  readonly inFlight: number
}

const COME_BACK_MS = 15

interface Waiting extends PlannedMessage {
  /** In the ledger, durably. */
  isRecorded: boolean
  isSentHere: boolean
  isSentBefore: boolean
}

export function startGateway(options: FaultGatewayOptions): FaultGateway {
  const { door, credentials, ledger, inFlightMax, nextMessage, paceMs = 0, onAcked } = options
  const name: GatewayName = { tenant: credentials.tenant, gateway: credentials.gateway }
  const topic = readingsTopic(name)
  const outbox = new Set<Waiting>()
  const count = { sent: 0, resent: 0, acked: 0, forgotten: 0 }
  let line: MqttClient | undefined
  let isOpen = false
  let isFinished = false
  let isClosed = false

  function open(): void {
    if (isClosed) return
    const opened = openLine(door, credentials)
    line = opened
    opened.once('connect', () => {
      if (line !== opened) return
      isOpen = true
      for (const message of outbox) if (message.isRecorded) publish(opened, message)
      fill()
    })
    opened.once('close', () => {
      opened.end(true)
      if (line !== opened) return
      drop()
      setTimeout(open, COME_BACK_MS)
    })
  }

  function drop(): void {
    line = undefined
    isOpen = false
    for (const message of outbox) message.isSentHere = false
  }

  function fill(): void {
    while (isOpen && !isFinished && outbox.size < inFlightMax) {
      const message: Waiting = { ...nextMessage(), isRecorded: false, isSentHere: false, isSentBefore: false }
      outbox.add(message)
      const { n, payload, faults } = message
      void ledger.sending({ ...name, n, payload, faults, isForbidden: false }).then(() => {
        message.isRecorded = true
        if (line !== undefined && isOpen && outbox.has(message)) publish(line, message)
      })
    }
  }

  function publish(to: MqttClient, message: Waiting): void {
    if (message.isSentHere) return
    if (message.isSentBefore) count.resent++
    else count.sent++
    const dup = message.isSentBefore
    message.isSentHere = true
    message.isSentBefore = true
    to.publish(topic, message.payload, { qos: 1, dup }, (error) => {
      // An error means that the connection has ended; a message that was forgotten is nobody's any more.
      if (error || !outbox.delete(message)) return
      count.acked++
      ledger.ended({ ...name, n: message.n }, 'acknowledged')
      onAcked()
      if (paceMs > 0) setTimeout(fill, paceMs)
      else fill()
    })
  }

  open()
  return {
    ...name,
    counts: () => ({
      ...count,
      waiting: outbox.size,
      inFlight: [...outbox].filter(({ isSentHere }) => isSentHere).length,
    }),
    finish() {
      isFinished = true
    },
    forget() {
      const closing = line
      count.forgotten += outbox.size
      outbox.clear()
      closing?.stream.destroy()
    },
    close() {
      isClosed = true
      line?.end(true)
      drop()
    },
  }
}
