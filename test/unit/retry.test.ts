import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { type RetryPolicy, retry } from '../../platform/runtime/retry.ts'

const never = new AbortController().signal
const away = () => new MillraceError('time-series.unavailable', 'away')

function policyOf(changes: Partial<RetryPolicy> = {}) {
  const failures: (readonly [code: string, attempt: number])[] = []
  const policy: RetryPolicy = {
    firstWaitMs: 1,
    waitMaxMs: 4,
    attemptsMax: Number.POSITIVE_INFINITY,
    onFailure: (error, attempt) => failures.push([error.code, attempt]),
    ...changes,
  }
  return { policy, failures }
}

/** Fails so many times, then gives the number of the attempt. */
function failing(times: number, error: () => Error) {
  let attempts = 0
  return async () => {
    if (attempts++ < times) throw error()
    return attempts
  }
}

t.test('tries again until it succeeds, and tells of each failure', async (t) => {
  const { policy, failures } = policyOf()
  t.equal(await retry(failing(3, away), policy, never), 4)
  t.same(
    failures,
    [1, 2, 3].map((attempt) => ['time-series.unavailable', attempt]),
  )
})

t.test('waits as long as it was asked to', async (t) => {
  const { policy } = policyOf()
  const busy = () => new MillraceError('time-series.unavailable', 'busy', { details: { retryAfterMs: 300 } })
  const startMs = performance.now()
  t.equal(await retry(failing(1, busy), policy, never), 2)
  t.ok(performance.now() - startMs >= 299)
})

t.test('passes on at once what trying again can not mend', async (t) => {
  const { policy, failures } = policyOf()
  for (const error of [new MillraceError('tenant.unknown', 'x'), new MillraceError('store.newer', 'x'), new TypeError('a bug')])
    await t.rejects(
      retry(
        failing(1, () => error),
        policy,
        never,
      ),
      error,
    )
  t.same(failures, [])
})

t.test('gives up after its attempts, with the last error unchanged', async (t) => {
  const { policy, failures } = policyOf({ attemptsMax: 3 })
  const errors = [away(), away(), away()]
  let attempt = 0
  const tried = retry(
    async () => {
      throw errors[attempt++]
    },
    policy,
    never,
  )
  await tried.then(
    () => t.fail('it can not succeed'),
    (error) => t.equal(error, errors[2]),
  )
  t.equal(failures.length, 2, 'the last failure is thrown, not told')
})

t.test('a signal ends the wait at once, and an attempt under way is let finish', async (t) => {
  const { policy } = policyOf({ firstWaitMs: 3_600_000, waitMaxMs: 3_600_000 })
  const stop = new AbortController()
  const waiting = retry(failing(1, away), { ...policy, onFailure: () => setImmediate(() => stop.abort()) }, stop.signal)
  await t.rejects(waiting, { name: 'AbortError' })
  t.equal(await retry(failing(0, away), policy, stop.signal), 1, 'the first attempt is made in any case')
  await t.rejects(retry(failing(1, away), policy, stop.signal), { name: 'AbortError' })
})

t.test('waits grow no further than their maximum, also after very many attempts', async (t) => {
  const { policy, failures } = policyOf({ firstWaitMs: 0.001, waitMaxMs: 0.5 })
  t.equal(await retry(failing(1_200, away), policy, never), 1_201)
  t.equal(failures.length, 1_200)
})
