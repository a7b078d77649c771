// Goal: consumer groups of every EventLog deliver at least once, in order, and never pass over a record.
// Method: the same suite against each implementation, over a real file or server.
import t from 'tap'
import { logImplementations } from './event-log/implementations.ts'
import { preparesGroups } from './event-log/prepares-groups.ts'
import { servesGroups } from './event-log/serves-groups.ts'

for (const implementation of logImplementations)
  t.test(implementation.name, { skip: implementation.skip ?? false }, async (t) => {
    servesGroups(t, implementation)
    preparesGroups(t, implementation)
  })
