import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createReadiness } from '../../platform/runtime/readiness.ts'

t.test('ready means that every dependency answered', async (t) => {
  const readiness = createReadiness({ metadata: async () => undefined, log: async () => 1 }, 1_000)
  t.match(await readiness(), {
    status: 'ready',
    checks: [
      { name: 'metadata', state: 'up' },
      { name: 'log', state: 'up' },
    ],
  })
})

t.test('one that is down says which, and by code alone', async (t) => {
  const down = async (): Promise<void> => {
    throw new MillraceError('metadata.unavailable', 'connect ECONNREFUSED db.internal:5432 password=hunter2')
  }
  const readiness = createReadiness({ metadata: down, log: async () => undefined }, 1_000)
  const answer = await readiness()
  t.match(answer, {
    status: 'unavailable',
    checks: [{ name: 'metadata', state: 'down', why: 'metadata.unavailable' }, { state: 'up' }],
  })
  t.notMatch(JSON.stringify(answer), /hunter2|internal:/)
})

t.test('one that never answers is down once its time is over', async (t) => {
  const readiness = createReadiness({ hung: () => new Promise(() => undefined) }, 20)
  t.match(await readiness(), { status: 'unavailable', checks: [{ name: 'hung', state: 'down', why: 'timeout' }] })
})

t.test('those who ask meanwhile share one run', async (t) => {
  let runs = 0
  const readiness = createReadiness(
    {
      store: async () => {
        runs += 1
      },
    },
    1_000,
  )
  await Promise.all([readiness(), readiness(), readiness()])
  t.equal(runs, 1)
  await readiness()
  t.equal(runs, 2)
})
