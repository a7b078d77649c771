import { Aedes, type AedesOptions, type Client, type PublishPacket, type Subscription } from 'aedes'
import { writePubacksTogether } from './write-pubacks.ts'

writePubacksTogether()

type Done = (error?: Error) => void

export interface DoorKeeper {
  /** True for a client whose messages go to the event log and to nobody else. */
  isConsumed(client: Client): boolean
  maySubscribe(client: Client, filter: string): boolean
}

/**
 * aedes without the routing of messages that have been consumed: they are in the event log, no subscriber can want them, and
 * looking for one costs a quarter of the CPU. Everything else (the session's protocol, `down/` messages) is aedes as it is.
 */
export class Door extends Aedes {
  readonly #keeper: DoorKeeper

  constructor(options: AedesOptions, keeper: DoorKeeper) {
    super(options)
    this.#keeper = keeper
  }

  override async listen(): Promise<void> {
    await super.listen()
    this.#keepGrantedOnly()
  }

  /** aedes calls this with a client for what a client published, and without for its own messages; its types know only the latter. */
  override publish(packet: PublishPacket, clientOrDone: Client | null | Done, done?: Done): void {
    const client = typeof clientOrDone === 'function' ? null : clientOrDone
    if (client !== null && done !== undefined && this.#keeper.isConsumed(client)) return done()
    Reflect.apply(super.publish, this, [packet, clientOrDone, done])
  }

  /** For a session that outlives its connection aedes stores every filter of a SUBSCRIBE, the refused ones too, and queues what matches. */
  #keepGrantedOnly(): void {
    const persistence = persistenceOf(this)
    const add = persistence.addSubscriptions.bind(persistence)
    persistence.addSubscriptions = (client: Client, subscriptions: readonly Subscription[]) =>
      add(
        client,
        subscriptions.filter(({ topic }) => this.#keeper.maySubscribe(client, topic)),
      )
  }
}

/** Not among what aedes' types know. */
const persistenceOf = (broker: object) => Reflect.get(broker, 'persistence')
