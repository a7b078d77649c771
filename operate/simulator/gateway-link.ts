import { connect as connectTls } from 'node:tls'
import { type ErrorWithReasonCode, MqttClient } from 'mqtt'
import type { Logger } from '../../platform/runtime/log.ts'
import { clientIds, type GatewayName } from '../../schemas/topics.ts'
import { createChange } from './change.ts'
import { createOutbox, type Outbox, type OutgoingMessage } from './outbox.ts'
import type { RandomStream } from './random.ts'

/** Who a gateway is, and how it proves it. Keys and certificates are PEM. */
export interface GatewayCredentials extends GatewayName {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

export interface LinkOptions {
  readonly host: string
  readonly port: number
  readonly caPem: string
  readonly credentials: GatewayCredentials
  /** Messages that may wait for their PUBACK at a time. */
  readonly inFlightMax: number
  /** Spreads the attempts of many gateways to come back. */
  readonly random: RandomStream
  readonly log: Logger
  readonly onAcked: (message: OutgoingMessage) => void
}

/** The connection of one gateway: MQTT 3.1.1 over TLS 1.3 with its own certificate. */
export interface GatewayLink {
  /** Connects, and from then on comes back by itself whenever the connection is lost, backing off up to 30 s. */
  open(): void
  /** Cuts the connection like a pulled cable; what wasn't acknowledged is sent again, oldest first, after the next `open`. */
  cut(): void
  /** Whether a message may be sent now. */
  hasRoom(): boolean
  /** Sends a message with QoS 1. Call it only when there was room. */
  send(message: OutgoingMessage): void
  /** Resolves when something has changed: connected, closed, acknowledged, or `signal` fired. */
  changed(signal: AbortSignal): Promise<void>
  status(): LinkStatus
  /** Says goodbye (DISCONNECT) and closes. Messages without an acknowledgement are given up. */
  close(): Promise<void>
}

export interface LinkStatus {
  readonly inFlight: number
  readonly resent: number
  readonly connections: number
  /** Attempts in a row that failed. */
  readonly failures: number
  readonly lastError: string
}

const BACK_OFF_MS_MIN = 500
const BACK_OFF_MS_MAX = 30_000

export function createGatewayLink(options: LinkOptions): GatewayLink {
  const change = createChange()
  const outbox = createOutbox((message) => {
    options.onAcked(message)
    change.announce()
  })
  const line = createLine(options, outbox, change.announce)
  return {
    open: line.open,
    cut() {
      line.giveUp()?.stream.destroy()
    },
    hasRoom: () => line.state().isConnected && outbox.size() < options.inFlightMax,
    send: outbox.add,
    changed: change.next,
    status: () => ({ ...line.state(), inFlight: outbox.size(), resent: outbox.resent() }),
    async close() {
      const client = line.giveUp()
      if (client !== undefined) await sayGoodbye(client)
    },
  }
}

type LineState = Pick<LinkStatus, 'connections' | 'failures' | 'lastError'> & { readonly isConnected: boolean }

interface Line {
  open(): void
  /** Stops coming back. @returns the client of the moment, still open. */
  giveUp(): MqttClient | undefined
  state(): LineState
}

/** Keeps one connection open while it is wanted. */
function createLine(options: LinkOptions, outbox: Outbox, announce: () => void): Line {
  let state: LineState = { isConnected: false, connections: 0, failures: 0, lastError: 'the connection was closed' }
  let client: MqttClient | undefined
  let retryTimer: NodeJS.Timeout | undefined
  let isWanted = false

  function open(): void {
    isWanted = true
    clearTimeout(retryTimer)
    if (client !== undefined) return
    const opened = connectClient(options)
    client = opened
    opened.on('connect', () => {
      state = { ...state, isConnected: true, connections: state.connections + 1, failures: 0 }
      outbox.attach(opened)
      announce()
    })
    opened.on('error', (error) => {
      state = { ...state, lastError: describe(error) }
      opened.stream.destroy()
    })
    opened.on('close', () => lose(opened))
  }

  function lose(closed: MqttClient): void {
    if (client !== closed) return
    client = undefined
    outbox.detach()
    closed.end(true)
    state = { ...state, failures: state.isConnected ? 0 : state.failures + 1, isConnected: false }
    if (isWanted) retryTimer = setTimeout(open, backOffMs())
    announce()
  }

  function backOffMs(): number {
    const { failures, connections, lastError } = state
    const { credentials, random, log } = options
    log.debug({ tenant: credentials.tenant, gateway: credentials.gateway, failures, lastError }, 'Gateway lost its connection.')
    return Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_MIN * 2 ** failures) * (0.5 + 0.5 * random.uniform(connections + failures))
  }

  return {
    open,
    giveUp() {
      isWanted = false
      clearTimeout(retryTimer)
      return client
    },
    state: () => state,
  }
}

const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_SECONDS = 30

function connectClient({ host, port, caPem, credentials }: LinkOptions): MqttClient {
  const openStream = () =>
    connectTls({ host, port, ca: caPem, cert: credentials.certificatePem, key: credentials.privateKeyPem, minVersion: 'TLSv1.3' })
  return new MqttClient(openStream, {
    clientId: clientIds(credentials)[0] ?? credentials.gateway,
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: KEEP_ALIVE_SECONDS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectPeriod: 0,
  })
}

const CLOSE_TIMEOUT_MS = 2_000

async function sayGoodbye(client: MqttClient): Promise<void> {
  const timer = setTimeout(() => client.stream.destroy(), CLOSE_TIMEOUT_MS)
  await new Promise<void>((resolve) => {
    if (client.stream.destroyed) return resolve()
    client.stream.once('close', () => resolve())
    // mqtt.js would wait for acknowledgements that nobody wants any more: then it ends by force.
    client.end(Object.keys(client.outgoing).length > 0)
  })
  clearTimeout(timer)
}

/** A refused TLS connection has its reason in `code`; a refused CONNECT a number and a sentence. */
function describe(error: Error | ErrorWithReasonCode): string {
  return 'code' in error ? `${error.message} (${error.code})` : error.message
}
