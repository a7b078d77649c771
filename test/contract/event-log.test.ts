// Goal: every EventLog keeps the promises of its port, so that the parts need not know which one they have.
// Method: the same suite against each implementation, over a real file or server. Consumers have a file of their own.
import t from 'tap'
import { logImplementations } from './event-log/implementations.ts'
import { keepsRecords } from './event-log/keeps-records.ts'

for (const implementation of logImplementations)
  t.test(implementation.name, { skip: implementation.skip ?? false }, async (t) => keepsRecords(t, implementation))
