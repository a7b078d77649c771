import type { Test } from 'tap'
import { type LogImplementation, limit, never, pollMany, withLog } from './implementations.ts'

const plan = (group: string, ...like: readonly string[]) => ({ group, topics: ['single'], like })

/** What every EventLog keeps to when it is told which groups there are. */
export function preparesGroups(t: Test, implementation: LogImplementation): void {
  t.test('a new group begins where the first of its models is that has a place; one that has a place keeps it', (t) =>
    withLog(t, implementation, async (log) => {
      for (let index = 0; index < 10; index++)
        await log.append([{ topic: 'single', key: 'k', value: Buffer.from(String(index)) }])
      await log.prepareGroups([plan('old')])
      const old = await log.join('old', ['single'])
      t.equal((await old.poll({ ...limit, recordsMax: 6 }, never)).length, 6)
      await old.commit()
      await old.close()

      await log.prepareGroups([plan('old'), plan('behind', 'nobody', 'old'), plan('whole', 'nobody'), plan('first')])
      t.match(await log.lag('behind', 'single'), [{ committed: 6, records: 4, expired: 0 }])
      t.match(await log.lag('whole', 'single'), [{ committed: 0, records: 10, expired: 0 }])
      const behind = await log.join('behind', ['single'])
      t.same(
        (await pollMany(behind, 4, () => behind.commit())).map(({ offset }) => offset),
        [6, 7, 8, 9],
      )
      await behind.close()

      await log.prepareGroups([plan('old', 'behind'), plan('behind', 'old'), plan('whole', 'behind'), plan('first', 'behind')])
      t.match(await log.lag('old', 'single'), [{ committed: 6 }])
      t.match(await log.lag('behind', 'single'), [{ committed: 10 }])
      t.match(await log.lag('whole', 'single'), [{ committed: 0 }], 'the oldest record is a place, too')
    }),
  )

  t.test('a group that has members keeps its place', (t) =>
    withLog(t, implementation, async (log) => {
      await log.append([{ topic: 'single', key: 'k', value: Buffer.from('0') }])
      await log.prepareGroups([plan('group')])
      const member = await log.join('group', ['single'])
      t.equal((await pollMany(member, 1)).length, 1)
      await log.prepareGroups([plan('group')])
      await member.commit()
      t.match(await log.lag('group', 'single'), [{ committed: 1, records: 0 }])
    }),
  )
}
