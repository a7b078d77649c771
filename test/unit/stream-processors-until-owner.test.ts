import t from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { notOwner } from '../../platform/runtime/ownership.ts'
import { hold } from '../../stream-processors/until-owner.ts'
import { never } from './sqlite-log/open-log.ts'

const silent = (): MillraceError => new MillraceError('event-log.unavailable', 'Nothing has been heard.')

/** Says these, one after the other, and then that all is well. */
function saying(...errors: readonly Error[]) {
  const left = [...errors]
  let asked = 0
  const assertOwner = (): void => {
    asked++
    const error = left.shift()
    if (error !== undefined) throw error
  }
  return { ownership: { places: [], assertOwner }, asked: () => asked }
}

t.test('what is ours is not waited for', async (t) => {
  const { ownership, asked } = saying()
  await hold(ownership, never, () => t.fail('there is nothing to wait for')).untilOwner()
  t.equal(asked(), 1)
})

t.test('as long as it can not be known it is asked again, evenly, and told once', async (t) => {
  const { ownership, asked } = saying(silent(), silent(), silent())
  const told: string[] = []
  const startMs = performance.now()
  await hold(ownership, never, ({ code }) => told.push(code)).untilOwner()
  t.equal(asked(), 4)
  t.same(told, ['event-log.unavailable'])
  t.ok(performance.now() - startMs < 3_000)
})

t.test('what has gone to another is not waited for, nor what is no answer', async (t) => {
  for (const error of [notOwner(), new TypeError('a bug')]) {
    const { ownership, asked } = saying(silent(), error)
    await t.rejects(hold(ownership, never, () => undefined).untilOwner(), error)
    t.equal(asked(), 2)
  }
})

t.test('a processor that stops waits no more', async (t) => {
  const { ownership } = saying(...Array.from({ length: 1_000 }, silent))
  const stop = new AbortController()
  const waiting = hold(ownership, stop.signal, () => stop.abort()).untilOwner()
  await t.rejects(waiting, { name: 'AbortError' })
})
