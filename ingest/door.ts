import { Aedes, type AedesOptions, type Client, type PublishPacket } from 'aedes'

type Done = (error?: Error) => void

/**
 * aedes without the routing of messages that have been consumed: they are in the event log, no subscriber can want them, and
 * looking for one costs a quarter of the CPU. Everything else (the session's protocol, `down/` messages) is aedes as it is.
 */
export class Door extends Aedes {
  readonly #isConsumed: (client: Client) => boolean

  constructor(options: AedesOptions, isConsumed: (client: Client) => boolean) {
    super(options)
    this.#isConsumed = isConsumed
  }

  /** aedes calls this with a client for what a client published, and without for its own messages; its types know only the latter. */
  override publish(packet: PublishPacket, clientOrDone: Client | null | Done, done?: Done): void {
    const client = typeof clientOrDone === 'function' ? null : clientOrDone
    if (client !== null && done !== undefined && this.#isConsumed(client)) return done()
    Reflect.apply(super.publish, this, [packet, clientOrDone, done])
  }
}
