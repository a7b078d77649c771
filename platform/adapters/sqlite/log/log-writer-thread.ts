// The thread that owns the log's write connection.
import { parentPort, workerData } from 'node:worker_threads'
import { answerOnceOpen } from '../../../runtime/thread.ts'
import { openLogWriter } from './log-writer.ts'

/** Later, so that whoever waits for the failed write is told of it first. */
const onLostWrite = (): unknown => setImmediate(() => process.exit(1))

if (parentPort)
  answerOnceOpen(parentPort, () => openLogWriter(workerData, { clock: Date.now, onLostWrite }), 'event-log.unavailable')
