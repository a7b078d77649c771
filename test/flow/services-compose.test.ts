// Goal: `npm run services -- up` takes servers whose addresses are given, else docker compose where an engine answers, else those it builds.
// Method: the real script, with a program called docker in front of the PATH that only writes down how it was called. No engine has ever run
// this here: that the containers come up is not shown.
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { read } from '../deploy/read-deploy.ts'

const SCRIPT = fileURLToPath(new URL('../../scripts/services.ts', import.meta.url))
const FILE = fileURLToPath(new URL('../../scripts/services/docker-compose.yml', import.meta.url))
const run = promisify(execFile)
const FIELDS = ['KAFKA_PORT', 'POSTGRES_PORT', 'INFLUX_PORT', 'SERVICES_SECRET'] as const

/** @param body  What `docker` does after it has written down its arguments. */
async function openMachine(t: Test, body: string) {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-compose-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const [bin, calls] = [join(folder, 'bin'), join(folder, 'calls')]
  await mkdir(bin)
  await writeFile(calls, '')
  const program = join(bin, 'docker')
  const values = FIELDS.map((field) => `${field}=$${field}`).join(' ')
  await writeFile(program, `#!/bin/sh\necho "$*" >>${calls}\necho "${values}" >${folder}/values\n${body}\n`)
  await chmod(program, 0o755)
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}`, XDG_CACHE_HOME: join(folder, 'cache') }
  return {
    async services(argv: readonly string[], more: Readonly<Record<string, string>> = {}) {
      const { stdout } = await run(process.execPath, [SCRIPT, ...argv, '--json'], { env: { ...env, ...more } })
      const rows: readonly { name: string; state: string; address?: Record<string, string> }[] =
        stdout === '' ? [] : JSON.parse(stdout)
      return rows
    },
    calls: async () => (await readFile(calls, 'utf8')).trim().split('\n').filter(Boolean),
    async value(field: (typeof FIELDS)[number]): Promise<string> {
      return new RegExp(`${field}=(\\S*)`).exec(await readFile(join(folder, 'values'), 'utf8'))?.[1] ?? ''
    },
  }
}

const ASKED = ['info', 'compose version']
const compose = (rest: string): string => `compose --file ${FILE} ${rest}`

t.test('where an engine answers, servers are containers, and their addresses are those that were published', async (t) => {
  const machine = await openMachine(t, 'exit 0')
  const [kafka, influx, postgres] = await machine.services(['up', 'kafka', 'influx', 'postgres'])
  t.same(await machine.calls(), [
    ...ASKED,
    compose('rm --stop --force --volumes kafka influx postgres'),
    compose('up --detach --wait kafka influx postgres'),
  ])
  const secret = await machine.value('SERVICES_SECRET')
  t.match(secret, /^[0-9a-f]{48}$/)
  t.match(kafka, { state: 'container', address: { brokers: `127.0.0.1:${await machine.value('KAFKA_PORT')}` } })
  t.match(influx, {
    state: 'container',
    address: { token: secret, url: `http://127.0.0.1:${await machine.value('INFLUX_PORT')}` },
  })
  t.match(postgres?.address?.url, `postgres://postgres:${secret}@127.0.0.1:${await machine.value('POSTGRES_PORT')}/postgres`)

  await machine.services(['up', 'kafka'])
  t.equal((await machine.calls()).length, 4, 'what runs is not started again')
  await machine.services(['down', 'kafka'])
  t.equal((await machine.calls()).at(-1), compose('rm --stop --force --volumes kafka'))
  const [, still] = await machine.services(['status', 'kafka', 'postgres'])
  t.match(still, { state: 'container' })
})

t.test('an address that is given comes before the engine', async (t) => {
  const machine = await openMachine(t, 'exit 0')
  const given = { MILLRACE_TEST_KAFKA_BROKERS: 'kafka.example.com:9092' }
  t.match(await machine.services(['up', 'kafka'], given), [{ state: 'given', address: { brokers: 'kafka.example.com:9092' } }])
  t.same(await machine.calls(), [])
})

t.test('where no engine answers, or is not wanted, a server is built and started', async (t) => {
  const broken = await openMachine(t, 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
  t.match(await broken.services(['up', 'postgres']), [{ state: 'running', address: { url: /^postgres:/ } }])
  t.same(await broken.calls(), ['info'])
  await broken.services(['down', 'postgres'])
  const unwanted = await openMachine(t, 'exit 0')
  t.match(await unwanted.services(['up', 'postgres', '--built']), [{ state: 'running' }])
  await unwanted.services(['down', 'postgres'])
  t.same(await unwanted.calls(), [])
})

t.test('the file asks for nothing that the script does not set', async (t) => {
  const file = read('scripts/services/docker-compose.yml')
  const named = new Set(Array.from(file.matchAll(/\$\{([A-Z_]+)\}/g), ([, name]) => name))
  t.same([...named].toSorted(), [...FIELDS].toSorted())
  t.notMatch(file, /ports: \["(?!127\.0\.0\.1:)/, 'and opens ports on the loopback address alone')
})
