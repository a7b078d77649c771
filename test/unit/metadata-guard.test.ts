import t from 'tap'
import { createGuard } from '../../platform/adapters/metadata/guard.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'

t.test('a database error becomes metadata.unavailable and stays as its cause', async (t) => {
  const cause = new Error('disk I/O error')
  const failed = createGuard()(() => Promise.reject(cause))
  await t.rejects(failed, { code: 'metadata.unavailable', message: /disk I\/O error/, cause })
})

t.test('an error that has a code already passes through as it is', async (t) => {
  const known = new MillraceError('tenant.exists', 'There is a tenant acme already.')
  await t.rejects(
    createGuard()(() => Promise.reject(known)),
    known,
  )
})

t.test('past 10,000 waiting calls the store counts as away, until one returns', async (t) => {
  const guard = createGuard()
  const { promise, resolve } = Promise.withResolvers<void>()
  const waiting = Array.from({ length: 10_000 }, () => guard(() => promise))
  await t.rejects(
    guard(async () => 1),
    { code: 'metadata.unavailable', remedy: 'retry' },
  )
  resolve()
  await Promise.all(waiting)
  t.equal(await guard(async () => 1), 1)
})
