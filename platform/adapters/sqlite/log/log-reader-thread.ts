// A thread that reads the log for threads that serve sockets.
import { parentPort, workerData } from 'node:worker_threads'
import { answerOnceOpen } from '../../../runtime/thread.ts'
import { openLogReadOnly } from './log-format.ts'
import { createLogReads } from './log-reads.ts'
import { packValues } from './record-batch.ts'

const { path }: { readonly path: string } = workerData

function open() {
  const { read, ...others } = createLogReads(openLogReadOnly(path))
  return { ...others, read: (...parameters: Parameters<typeof read>) => packValues(read(...parameters)) }
}

if (parentPort) answerOnceOpen(parentPort, open, 'event-log.unavailable')
