// The thread that checks large messages, but for one that it doesn't survive.
import { parentPort } from 'node:worker_threads'
import { calls } from '../../../ingest/large-thread.ts'
import { answer } from '../../../platform/runtime/thread.ts'

if (parentPort)
  answer(
    parentPort,
    {
      receive(...parameters: Parameters<typeof calls.receive>) {
        if (Buffer.from(parameters[1]).includes('deadly')) process.exit(3)
        return calls.receive(...parameters)
      },
    },
    'event-log.unavailable',
  )
