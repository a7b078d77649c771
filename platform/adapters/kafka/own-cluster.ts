import type { Kafka, KafkaMessage } from 'kafkajs'

/** Of what kafkajs keeps to itself, as much as we need. The package is pinned, and dormant: this will not change under us. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findGroupCoordinator(wanted: { readonly groupId: string }): Promise<Broker>
  findBroker(broker: { readonly nodeId: string }): Promise<Broker>
}

export interface Broker {
  offsetCommit(request: object): Promise<unknown>
  fetch(request: object): Promise<{
    readonly responses: readonly { readonly partitions: readonly { readonly messages: readonly KafkaMessage[] }[] }[]
  }>
}

/** For what kafkajs has no public way: reading without a group, and giving a group its first place. Connects when it is first needed. */
export interface OwnCluster {
  connected(): Promise<Cluster>
  /** Finds out anew who leads what. */
  refresh(): Promise<void>
  close(): Promise<void>
}

export function createOwnCluster(kafka: Kafka): OwnCluster {
  let connecting: Promise<Cluster> | undefined
  const current = async (): Promise<Cluster | undefined> => connecting?.catch(() => undefined)

  return {
    connected() {
      connecting ??= open(kafka).catch((error: unknown) => {
        connecting = undefined
        throw error
      })
      return connecting
    },
    async refresh() {
      await (await current())?.refreshMetadata().catch(() => undefined)
    },
    async close() {
      await (await current())?.disconnect()
    },
  }
}

async function open(kafka: Kafka): Promise<Cluster> {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  if (symbol === undefined) throw new TypeError('kafkajs has changed: it makes no clusters any more.')
  const cluster: Cluster = Reflect.get(kafka, symbol)({ metadataMaxAge: 300_000, allowAutoTopicCreation: false })
  await cluster.connect()
  return cluster
}
