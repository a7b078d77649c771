import t from 'tap'
import { createParts, type Running } from '../../platform/runtime/lifecycle.ts'
import { createLogger } from '../../platform/runtime/log.ts'

const quiet = createLogger({ level: 'silent', part: 'test', isPretty: false })

function world() {
  const events: string[] = []
  const part =
    (name: string, stop: () => Promise<void> = async () => undefined) =>
    async (): Promise<Running> => {
      events.push(`+${name}`)
      return {
        name,
        async stop() {
          events.push(`-${name}`)
          await stop()
        },
      }
    }
  return { events, part, parts: createParts(quiet) }
}

t.test('parts stop in the reverse order of their start, once', async (t) => {
  const { events, part, parts } = world()
  for (const name of ['store', 'process', 'listen']) t.equal((await parts.start(part(name))).name, name)
  await Promise.all([parts.stop(), parts.stop()])
  await parts.stop()
  t.same(events, ['+store', '+process', '+listen', '-listen', '-process', '-store'])
})

t.test('a part is stopped only when the one before it has stopped', async (t) => {
  const { events, part, parts } = world()
  const gate = Promise.withResolvers<void>()
  await parts.start(part('store'))
  await parts.start(part('listen', () => gate.promise))
  const stopped = parts.stop()
  await new Promise((resolve) => setImmediate(resolve))
  t.same(events, ['+store', '+listen', '-listen'])
  gate.resolve()
  await stopped
  t.equal(events.at(-1), '-store')
})

t.test('a part that can not start stops the others, and its error is thrown on', async (t) => {
  const { events, part, parts } = world()
  await parts.start(part('store'))
  const error = new Error('the port is taken')
  await t.rejects(
    parts.start(() => Promise.reject(error)),
    error,
  )
  t.same(events, ['+store', '-store'])
})

t.test('a part that fails to stop keeps no other from it', async (t) => {
  const { events, part, parts } = world()
  await parts.start(part('store'))
  await parts.start(part('listen', () => Promise.reject(new Error('stuck'))))
  await parts.stop()
  t.same(events.slice(-2), ['-listen', '-store'])
})

t.test('a part whose start ends after the stop is not left running', async (t) => {
  const { events, part, parts } = world()
  const gate = Promise.withResolvers<void>()
  await parts.start(part('store'))
  const late = parts.start(async () => {
    await gate.promise
    return part('late')()
  })
  await parts.stop()
  gate.resolve()
  await t.rejects(late, /late was started while everything stopped/)
  t.same(events, ['+store', '-store', '+late', '-late'])
})
