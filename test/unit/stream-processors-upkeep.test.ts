// Goal: upkeep has its turn however busy the loop is, and never disturbs a batch.
// Method: a real log, batches that take a few milliseconds, and an upkeep that fails first.
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { until } from './sqlite-log/open-log.ts'
import { away, openLoop } from './stream-processors/open-loop.ts'

t.test('upkeep is done between batches, also when they never end, and what fails in it holds nothing up', async (t) => {
  const told: string[] = []
  const failures = [away()]
  const { append, committed, counts, end } = await openLoop(
    t,
    async () => {
      told.push('batch')
      await setTimeout(5)
      told.push('batch done')
    },
    {
      upkeepEveryMs: 20,
      async upkeep({ places, untilOwner }) {
        const failure = failures.pop()
        if (failure !== undefined) throw failure
        await untilOwner()
        told.push(`upkeep of ${places.length}`)
        await setTimeout(5)
        told.push('upkeep done')
        return false
      },
    },
  )
  const done = (): number => told.filter((one) => one === 'upkeep done').length
  await until(() => done() >= 2)
  let sent = 0
  for (const before = done(); done() < before + 3; sent++) await append(String(sent))
  await until(async () => (await committed()) === sent)
  await end()
  t.ok(told.includes('upkeep of 1'), 'it knows the partition')
  for (const [index, one] of told.entries())
    if (index % 2 === 1) t.match(told[index - 1], one.replace(' done', ''), 'one thing at a time')
  t.equal(counts.retries, 0, 'a batch was never tried again')
  t.equal(counts.records, sent, 'and nothing is passed over')
})
