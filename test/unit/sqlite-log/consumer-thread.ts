// A thread for tests: a member of a consumer group that says what it has committed, and never says goodbye.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { openSqliteLogFromThread } from '../../../platform/adapters/sqlite/log/open.ts'

export interface ConsumerThreadData {
  readonly folder: string
  readonly port: MessagePort
}

/** Partition, offset and value of each record that was committed. */
export type Committed = readonly (readonly [partition: number, offset: number, value: string])[]

const { folder, port }: ConsumerThreadData = workerData
const log = await openSqliteLogFromThread(folder, port)
const consumer = await log.join('group', ['orders'])
parentPort?.postMessage([])
for (;;) {
  const records = await consumer.poll({ recordsMax: 20, bytesMax: 100_000 }, new AbortController().signal)
  const isDone = await consumer.commit().then(
    () => true,
    () => false,
  )
  const committed: Committed = records.map(({ partition, offset, value }) => [partition, offset, Buffer.from(value).toString()])
  if (isDone) parentPort?.postMessage(committed)
}
