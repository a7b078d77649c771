/** Who is at the other end of a connection, as far as the transport has proven it. */
export interface Peer {
  readonly address: string
  /** SHA-256 of the client certificate's DER, lower-case hex; absent on a plain socket. */
  readonly fingerprint?: string
}

/** What a client asks for in CONNECT. */
export interface ConnectRequest {
  readonly clientId: string
  readonly will?: { readonly topic: string; readonly isRetained: boolean; readonly qos: number }
}

export interface PublishRequest {
  readonly topic: string
  readonly qos: number
  readonly isRetained: boolean
}

/** Return codes of CONNACK, MQTT 3.1.1 table 3.1. */
export const CONNACK_CODES = { protocolLevel: 1, identifierRejected: 2, serverUnavailable: 3, notAuthorized: 5 } as const
export type ConnackCode = (typeof CONNACK_CODES)[keyof typeof CONNACK_CODES]

/** A CONNACK that refuses, whole, for where the broker isn't asked. */
export const connackBytes = (code: ConnackCode): Uint8Array => Uint8Array.of(0x20, 2, 0, code)

/** `reason` is for the log and the metrics: from a closed list, without anything that was sent. */
export interface ConnectRefusal {
  readonly isAdmitted: false
  readonly code: ConnackCode
  readonly reason: string
}

/** What an admitted client may do. */
export interface Session {
  readonly isAdmitted: true
  /** The id under which the broker knows the client: unique over all tenants, so that nobody takes over another's session. */
  readonly clientId: string
  /** True when what it publishes goes to `consume`, false when it is routed to subscribers as by any broker. */
  readonly isConsumed: boolean
  /** The one topic to which it publishes what is consumed, where there is just one. */
  readonly topic?: string
  /** @returns why not, from a closed list; undefined when it may. */
  refusePublish(request: PublishRequest): string | undefined
  maySubscribe(filter: string): boolean
  /** Stores the message; `done` is called when it is durable, in any order, or with an error when it isn't. */
  consume(payload: Uint8Array, done: (error?: Error) => void): void
  /** Called once the broker has accepted the session. `end` closes the connection at once, without its will. */
  opened(end: (reason: string) => void): void
  /** The connection is gone. Called once for every admitted session. */
  closed(): void
}

/** Decides who comes in. A conformance suite runs the listener with one that lets everybody in. */
export interface Policy {
  admit(peer: Peer, request: ConnectRequest): Promise<Session | ConnectRefusal>
}
