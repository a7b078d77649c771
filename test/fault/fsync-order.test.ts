// Goal: no acknowledgement leaves before its message is on the disk.
// Method: strace looks at the system calls: for each PUBACK there was the log's write of that message, then a completed sync of the log's file, and
// only then the write to the socket. TLS hides PUBACK, so the listener runs on a plain socket; the product itself is looked at one message at a time.
// That the test can fail is shown with a log that doesn't sync, one that isn't waited for, and a disk that refuses.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { needs } from '../programs.ts'
import { enrolOne } from './harness/enrol.ts'
import { openLine } from './harness/line.ts'
import { startProduct, UNWATCHED, whenReady } from './harness/product.ts'
import { checkOrder, findPubacks } from './strace/check-order.ts'
import { openPlainClient } from './strace/plain-client.ts'
import { failSync, readTrace, straceArguments } from './strace/run-strace.ts'

const PROGRAM = fileURLToPath(new URL('./strace/listener-program.ts', import.meta.url))
const ALONE = 10
const TOGETHER = 40
const LOG_WAL = '/log.sqlite-wal'

const markerOf = (packetId: number): string => `[message ${packetId}]`

interface ListenerRun {
  readonly folder: string
  /** `real`, or a way in which a log can be wrong: see the program. */
  readonly mode: string
  /** Arguments of strace. */
  readonly strace?: readonly string[]
}

/** The program, until the test ends. */
async function startListener(t: Test, { folder, mode, strace = [] }: ListenerRun) {
  const [command = '', ...rest] = [
    ...strace.map((text) => text.replace('FOLDER', folder)),
    process.execPath,
    PROGRAM,
    folder,
    mode,
  ]
  const child = spawn(command, rest, { env: { ...process.env, ...UNWATCHED }, stdio: ['ignore', 'pipe', 'pipe'] })
  const errors = text(child.stderr)
  const exited = once(child, 'exit')
  const [line] = await Promise.race([
    once(child.stdout, 'data'),
    exited.then(async () => Promise.reject(new Error(await errors))),
  ])
  const { port, pid }: { readonly port: number; readonly pid: number } = JSON.parse(String(line))
  async function stop(): Promise<unknown> {
    if (child.exitCode === null) process.kill(pid, 'SIGTERM')
    return exited
  }
  t.teardown(stop)
  return { port, stop, exited }
}

/** Publishes some messages one after the other, then many at once, and looks at what was seen. */
async function traceListener(t: Test, mode: string) {
  const folder = t.testdir()
  const { port, stop } = await startListener(t, { folder, mode, strace: straceArguments(join(folder, 'trace')) })
  const client = await openPlainClient(port, 'gw-1')
  const markers = new Map<number, string>()
  const publish = async (count: number): Promise<void> => {
    const batch = Array.from({ length: count }, (_, index) => markers.size + index + 1)
    for (const packetId of batch) markers.set(packetId, markerOf(packetId))
    client.publish(new Map(batch.map((packetId) => [packetId, markerOf(packetId)])))
    await client.whenAcked(markers.size)
  }
  for (let index = 0; index < ALONE; index++) await publish(1)
  await publish(TOGETHER)
  client.close()
  await stop()
  const calls = await readTrace(join(folder, 'trace'), LOG_WAL)
  const acks = findPubacks(calls, markers)
  return { client, markers, acks, ...checkOrder(calls, acks, LOG_WAL) }
}

t.test('strace looks at the listener and its log', { skip: needs('strace') }, async (t) => {
  t.test('every acknowledgement leaves after the sync of its message', async (t) => {
    const { client, markers, acks, messages, faults } = await traceListener(t, 'real')
    t.same(client.acked, [...markers.keys()], 'every message was acknowledged, in order')
    t.same(
      acks.map(({ marker }) => marker),
      [...markers.values()],
      'strace has seen each acknowledgement',
    )
    t.same(faults, [], 'each had been written and synced before')
    const syncs = new Set(messages.map(({ syncedAt }) => syncedAt)).size
    t.ok(syncs >= ALONE, `messages that came alone have a sync each: ${syncs} syncs`)
    t.ok(syncs < ALONE + TOGETHER, `messages that came together share one: ${syncs} syncs for ${messages.length} messages`)
  })

  t.test('a log that never syncs is found out', async (t) => {
    const { messages, faults } = await traceListener(t, 'unsynced')
    t.equal(messages.length, ALONE + TOGETHER)
    t.same(new Set(faults), new Set(['not-synced-before']))
    t.equal(faults.length, messages.length, 'for each message')
  })

  t.test('acknowledging before the log is done is found out', async (t) => {
    const { messages, faults } = await traceListener(t, 'hasty')
    t.equal(messages.length, ALONE + TOGETHER)
    t.ok(faults.length > 0, `${faults.length} of ${messages.length} messages were acknowledged too early`)
  })

  t.test('when the sync fails nothing is acknowledged, and the process ends', async (t) => {
    const folder = t.testdir()
    // Making a log takes syncs, opening it again takes none: the first one is that of the first message.
    await (await startListener(t, { folder, mode: 'real' })).stop()
    const { port, exited } = await startListener(t, { folder, mode: 'real', strace: failSync(`${folder}${LOG_WAL}`, 1) })
    const client = await openPlainClient(port, 'gw-1')
    client.publish(new Map([1, 2, 3].map((packetId) => [packetId, markerOf(packetId)])))
    await client.closed
    t.same(client.acked, [], 'no acknowledgement left')
    const [exitCode] = await exited
    t.equal(exitCode, 69, 'the process ended by itself')
  })
})

t.test('strace looks at the product', { skip: needs('strace') }, async (t) => {
  const folder = t.testdir()
  const dataFolder = join(folder, 'data')
  const trace = join(folder, 'trace')
  const product = startProduct({
    folder: dataFolder,
    mqttPort: 0,
    httpPort: 0,
    wrapper: straceArguments(trace),
    environment: UNWATCHED,
  })
  const { mqttPort } = await whenReady(product)
  const pid = Number(readFileSync(join(dataFolder, 'lock.pid'), 'utf8'))
  t.teardown(() => product.exited)
  const { caPem, credentials } = await enrolOne(dataFolder, { tenant: 'acme', gateway: 'gw-1' })
  const line = openLine({ port: mqttPort, caPem }, credentials)
  await new Promise<void>((resolve) => line.once('connect', () => resolve()))
  const sensors = Array.from({ length: ALONE }, (_, index) => `sensor-${index}-of-the-trace`)
  for (const sensor of sensors) {
    await line.publishAsync('v1/acme/gw-1/readings', JSON.stringify({ readings: [{ sensor, values: { power_w: 1 } }] }), {
      qos: 1,
    })
  }
  await line.endAsync()
  process.kill(pid, 'SIGTERM')
  t.same(await product.exited, { exitCode: 0, signal: null })

  const calls = await readTrace(trace, LOG_WAL)
  // A record of TLS 1.3 around a packet of 4 bytes: 5 of header, 1 of type, 16 of authentication. The first one is CONNACK.
  const records = calls.filter(({ target, bytes }) => target.includes(`:${mqttPort}->`) && bytes.length === 26)
  const acks = records.slice(1).map(({ begunAt }, index) => ({ marker: sensors[index] ?? 'nothing that was sent', at: begunAt }))
  t.equal(acks.length, sensors.length, 'strace has seen each acknowledgement')
  t.same(checkOrder(calls, acks, LOG_WAL).faults, [], 'each message had been written and synced before')
})
