import assert from 'node:assert/strict'
import { parentPort } from 'node:worker_threads'
import type { RejectionKey, RejectionQuery } from '../../../ports/rejections.ts'
import { answer } from '../../../runtime/thread.ts'
import { createIdFinder } from './find-ids.ts'
import { createLatestReader } from './read-latest.ts'
import { createRangeReader, type RangeRequest } from './read-range.ts'
import { createRejectionReader } from './read-rejections.ts'
import { asUnavailable, openSeriesDatabase } from './series-database.ts'

const CACHE_MIB = 16

function openReader(folder: string) {
  // Makes the file where there is none yet, so that a reader may start before the first write.
  openSeriesDatabase({ folder, isReadOnly: false, cacheMiB: 1 }).close()
  const database = openSeriesDatabase({ folder, isReadOnly: true, cacheMiB: CACHE_MIB })
  const ids = createIdFinder(database)
  return {
    database,
    range: createRangeReader(database, ids),
    latest: createLatestReader(database, ids),
    rejections: createRejectionReader(database, ids),
  }
}

type Reader = ReturnType<typeof openReader>
let reader: Reader | undefined

/** All statements of `work` see the store as it was at one moment. */
function read<T>(work: (reader: Reader) => T): T {
  assert(reader, 'The reader was asked before it was opened.')
  const opened = reader
  return asUnavailable(() => {
    opened.database.exec('BEGIN')
    try {
      return work(opened)
    } finally {
      opened.database.exec('COMMIT')
    }
  })
}

const handlers = {
  open(folder: string): void {
    reader = openReader(folder)
  },
  range: (request: RangeRequest) => read(({ range }) => range(request)),
  latest: (tenant: string, sensors: readonly string[]) => read(({ latest }) => latest(tenant, sensors)),
  rejections: (tenant: string, query: RejectionQuery) => read(({ rejections }) => rejections.page(tenant, query)),
  rejection: (tenant: string, key: RejectionKey) => read(({ rejections }) => rejections.one(tenant, key)),
  close(): void {
    reader?.database.close()
    reader = undefined
  },
}

export type ReaderHandlers = typeof handlers

if (parentPort !== null) answer(parentPort, handlers, 'time-series.unavailable')
