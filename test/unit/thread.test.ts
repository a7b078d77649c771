import { MessageChannel } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { answer, createCaller, startThread } from '../../platform/runtime/thread.ts'
import { until } from './sqlite-log/open-log.ts'
import type { OddHandlers, OddThreadData } from './thread/odd-thread.ts'

function start(t: Test, data: OddThreadData = { opens: 'well' }) {
  const deaths: Error[] = []
  const thread = startThread<OddHandlers>({
    module: new URL('./thread/odd-thread.ts', import.meta.url),
    data,
    unavailable: 'event-log.unavailable',
    onDeath: (error) => deaths.push(error),
  })
  t.teardown(() => thread.terminate())
  return { thread, deaths }
}

t.test('a call brings its result, and calls may overtake one that hangs', async (t) => {
  const { thread } = start(t)
  const hanging = thread.call('hang')
  t.same(await thread.call('echo', { list: [1, new Map([['a', -0]])] }), { list: [1, new Map([['a', -0]])] })
  t.same(await Promise.all([1, 2, 3].map((value) => thread.call('echo', value))), [1, 2, 3])
  await thread.terminate()
  await t.rejects(hanging, { code: 'event-log.unavailable' })
})

t.test('an error keeps its code and its details; one without takes the code of the thread', async (t) => {
  const { thread } = start(t)
  await t.rejects(thread.call('refuse'), {
    code: 'tenant.exists',
    remedy: 'reject',
    message: 'There is an acme already.',
    details: { tenant: 'acme' },
  })
  await t.rejects(thread.call('break'), { code: 'event-log.unavailable', message: 'out of range', details: {} })
})

t.test('what can not be sent fails its own call and nothing else', async (t) => {
  const { thread, deaths } = start(t)
  await t.rejects(
    thread.call('echo', () => undefined),
    { name: 'DataCloneError' },
  )
  await t.rejects(thread.call('unclonable'), { code: 'event-log.unavailable', message: /could not be cloned/ })
  t.equal(await thread.call('echo', 1), 1)
  t.same(deaths, [])
})

t.test('what is transferred is moved, not copied', async (t) => {
  const { thread } = start(t)
  const bytes = new Uint8Array(1_000)
  t.equal(await thread.callWith([bytes.buffer], 'sizeOf', bytes), 1_000)
  t.equal(bytes.byteLength, 0)
})

t.test('a name that the thread does not know is an error, also one that every object has', async (t) => {
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port1.close())
  answer(port2, { echo: (value: never) => value }, 'admin.unavailable')
  const caller = createCaller<Record<string, () => void>>(port1, 'admin.unavailable')
  for (const name of ['ekho', 'toString', '__proto__', 'constructor'])
    await t.rejects(caller.call(name), { code: 'admin.unavailable', message: /does not know/ })
})

for (const how of ['exit', 'throwLater'] as const) {
  t.test(`a thread that ends by itself (${how}) fails every call, and is reported once`, async (t) => {
    const { thread, deaths } = start(t)
    const hanging = thread.call('hang')
    const last = thread.call(how)
    await t.rejects(hanging, {
      code: 'event-log.unavailable',
      message: how === 'exit' ? /odd-thread.ts ended with code 3/ : /nobody waits/,
    })
    await last.catch(() => undefined)
    await t.rejects(thread.call('echo', 1), { code: 'event-log.unavailable' })
    await thread.terminate()
    t.equal(deaths.length, 1)
  })
}

t.test('a thread that is ended on purpose is not reported, and fails what is under way and later', async (t) => {
  const { thread, deaths } = start(t)
  const hanging = thread.call('hang')
  await thread.terminate()
  await t.rejects(hanging, { code: 'event-log.unavailable' })
  await t.rejects(thread.call('echo', 1), { code: 'event-log.unavailable' })
  t.same(deaths, [])
})

t.test('a thread that can not open answers every call with the reason, and lives', async (t) => {
  const { thread, deaths } = start(t, { opens: 'never' })
  await t.rejects(thread.call('echo', 1), { code: 'store.newer', remedy: 'stop' })
  await t.rejects(thread.call('echo', 2), { code: 'store.newer' })
  t.same(deaths, [])
})

t.test('a caller through a port learns that the thread at its other end is gone', async (t) => {
  const { thread } = start(t)
  const { port1, port2 } = new MessageChannel()
  await thread.callWith([port2], 'connect', port2)
  const caller = createCaller<OddHandlers>(port1, 'event-log.unavailable')
  t.equal(await caller.call('echo', 'through the port'), 'through the port')
  await Promise.all([
    t.rejects(caller.call('hang'), { code: 'event-log.unavailable', message: /other side of a message channel is gone/ }),
    t.rejects(thread.call('exit')),
  ])
  await t.rejects(caller.call('echo', 1), { code: 'event-log.unavailable' })
})

t.test('a caller that is failed by hand says why, the first reason only', async (t) => {
  const { thread } = start(t)
  const hanging = thread.call('hang')
  thread.fail('The store is closed.')
  thread.fail('Something else.')
  await t.rejects(hanging, { message: 'The store is closed.' })
  await t.rejects(thread.call('echo', 1), { message: 'The store is closed.' })
})

t.test('a thread that needs more memory than it may have ends, and the process goes on', async (t) => {
  const deaths: Error[] = []
  const thread = startThread<OddHandlers>({
    module: new URL('./thread/odd-thread.ts', import.meta.url),
    data: { opens: 'well' } satisfies OddThreadData,
    unavailable: 'event-log.unavailable',
    onDeath: (error) => deaths.push(error),
    heapMaxMiB: 24,
  })
  t.teardown(() => thread.terminate())
  const large = Array.from({ length: 2_000_000 }, (_, index) => ({ index }))
  await t.rejects(thread.call('echo', large), { code: 'event-log.unavailable' })
  await until(() => deaths.length === 1)
  t.match(deaths, [{ code: 'ERR_WORKER_OUT_OF_MEMORY' }])
})
