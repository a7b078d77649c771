// Goal: a process that can't start ends, says why, and with the code by which its supervisor starts it again; it never stays, doing nothing.
// Method: Kafka as it looks behind a balancer: connections are taken, and closed at once. A client that connects once more after it was closed leaves
// something open now and then; here something is left open each time. And a reader that takes its time.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { freePort } from '../../scripts/services/run.ts'
import { needsServers, serverVariables } from '../flow/pipeline/at-scale.ts'
import { needsService, openToxiproxy } from '../services.ts'
import { openWire } from './scale/servers.ts'

const LAUNCHER = fileURLToPath(new URL('../../operate/millrace.js', import.meta.url))
const LEFT_OPEN = '--import=data:text/javascript,setInterval(Date.now,1000)'
const END_PROCESS = new URL('../../operate/end-process.ts', import.meta.url).href
const STARTS = 3
const EXIT_AWAY = 69
const END_MS_MAX = 30_000
const SLOW_READER_MS = 3_000

t.setTimeout(120_000)

t.test('a start that fails ends the process', { skip: needsServers() || needsService('toxiproxy') }, async (t) => {
  const environment = await serverVariables(t)
  await fix(environment)
  const port = await freePort()
  const nobody = `127.0.0.1:${await freePort()}`
  const wire = await openWire((await openToxiproxy()).url, { name: `away-${port}`, upstream: nobody, port })
  t.teardown(wire.cut)

  const start = async (index: number): Promise<void> => {
    const folder = join(t.testdirName, String(index))
    await mkdir(folder, { recursive: true })
    const child = spawn(process.execPath, [LAUNCHER, 'process', '--json'], {
      env: {
        ...process.env,
        ...environment,
        MILLRACE_DATA_DIR: folder,
        MILLRACE_KAFKA_BROKERS: `127.0.0.1:${port}`,
        NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${LEFT_OPEN}`,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: END_MS_MAX,
      killSignal: 'SIGKILL',
    })
    const [[exitCode, signal], said] = await Promise.all([once(child, 'exit'), text(child.stderr)])
    t.same([exitCode, signal], [EXIT_AWAY, null], `start ${index} has ended by itself`)
    t.match(said, /event-log\.unavailable/, 'and said why')
  }
  t.testdir({})
  await Promise.all(Array.from({ length: STARTS }, (_, index) => start(index)))
})

t.test('a slow reader gets all of the output', async (t) => {
  const program = `import { endProcess } from '${END_PROCESS}'
    setInterval(() => undefined, 1_000)
    process.stdout.write('x'.repeat(1_000_000))
    endProcess(7)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: END_MS_MAX,
    killSignal: 'SIGKILL',
  })
  const exited = once(child, 'exit')
  await setTimeout(SLOW_READER_MS)
  t.equal((await text(child.stdout)).length, 1_000_000)
  t.same(await exited, [7, null])
})
