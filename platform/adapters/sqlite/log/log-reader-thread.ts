// A thread that reads the log for threads that serve sockets.
import { parentPort, workerData } from 'node:worker_threads'
import { answer } from '../../../runtime/thread.ts'
import { openLogReadOnly } from './log-format.ts'
import { createLogReads } from './log-reads.ts'

const { path }: { readonly path: string } = workerData
const reads = createLogReads(openLogReadOnly(path))

if (parentPort) answer(parentPort, reads, 'event-log.unavailable')
