// Goal: what docker-compose.yml gives to Kafka and PostgreSQL is what they and Millrace take, though no container runs here.
// Method: the real servers, started with the files of deploy/: only places, ports and names of hosts are changed.
import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { ensurePostgres } from '../../platform/adapters/postgres/ensure.ts'
import { openPostgresMetadata } from '../../platform/adapters/postgres/open.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { artefactFolder } from '../../scripts/services/cache.ts'
import { kafkaArtefact } from '../../scripts/services/kafka.ts'
import { freePort, startServer, untilReady } from '../../scripts/services/run.ts'
import { openLog } from '../contract/kafka/open-log.ts'
import { needs } from '../programs.ts'
import { needsService, openPostgres } from '../services.ts'
import { at, read } from './read-deploy.ts'

t.setTimeout(240_000)
const run = promisify(execFile)
const READY_TIMEOUT_MS = 90_000
const log = createLogger({ level: 'silent', part: 'test', isPretty: false })

async function folderFor(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-servers-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

t.test(
  'Kafka starts twice from deploy/kafka/ and lets Millrace in',
  { skip: needsService('kafka') || needs('openssl') },
  async (t) => {
    const folder = await folderFor(t)
    const inside = (name: string) => join(folder, name)
    await run('sh', [at('deploy/certificates.sh'), inside('certificates')])
    await run('sh', [at('deploy/make-secrets.sh'), inside('secrets')])
    await mkdir(inside('run'))
    await writeKafkaHome(inside('kafka'))
    const [port, controllerPort] = [await freePort(), await freePort()]
    const settings = read('deploy/kafka/server.properties')
      .replaceAll('/certificates/', `${inside('certificates/kafka')}/`)
      .replace('/var/lib/kafka/data', inside('data'))
      .replaceAll('localhost:9094', `localhost:${controllerPort}`)
      .replace('SASL_SSL://:9093', `SASL_SSL://localhost:${port}`)
      .replace('SASL_SSL://kafka:9093', `SASL_SSL://localhost:${port}`)
    await writeFile(inside('server.properties'), settings)
    const env = {
      KAFKA_HOME: inside('kafka'),
      KAFKA_SETTINGS: inside('server.properties'),
      KAFKA_RUN_DIR: inside('run'),
      KAFKA_PASSWORD_FILE: inside('secrets/kafka-password'),
      KAFKA_HEAP_OPTS: '-Xmx384m',
    }
    const password = await readFile(inside('secrets/kafka-password'), 'utf8')
    const caPem = await readFile(inside('certificates/kafka/ca.pem'), 'utf8')
    const connection = {
      brokers: [`localhost:${port}`],
      caPem,
      sasl: { mechanism: 'scram-sha-512' as const, username: 'millrace', password },
    }

    for (const time of ['first', 'second']) {
      const server = startServer('sh', [at('deploy/kafka/start.sh')], { logFile: inside(`${time}.log`), env })
      t.teardown(() => server.stop())
      const reaches = async () => (await openLog(t, connection)).log.ping().then(() => true)
      await untilReady(server, inside(`${time}.log`), READY_TIMEOUT_MS, reaches)
      t.pass(`Millrace writes to it, the ${time} time`)
      await server.stop()
    }
  },
)

/** Kafka's own scripts are in its image; these call the same classes. */
async function writeKafkaHome(folder: string): Promise<void> {
  const classPath = join(artefactFolder(kafkaArtefact), 'libs', '*')
  await mkdir(join(folder, 'bin'), { recursive: true })
  const scripts = { 'kafka-storage.sh': 'kafka.tools.StorageTool', 'kafka-server-start.sh': 'kafka.Kafka' }
  for (const [name, main] of Object.entries(scripts)) {
    const path = join(folder, 'bin', name)
    await writeFile(path, `#!/bin/sh\nexec java $KAFKA_HEAP_OPTS -cp '${classPath}' ${main} "$@"\n`)
    await chmod(path, 0o755)
  }
}

t.test(
  'the owner that deploy/postgres/owner.sh makes can prepare the database, again and again',
  { skip: needsService('postgres') },
  async (t) => {
    const url = new URL((await openPostgres(t)).url)
    const owner = `owner_${url.pathname.slice(1)}`
    const statements = /<<'END'\n([\s\S]*)\nEND/.exec(read('deploy/postgres/owner.sh'))?.[1] ?? ''
    const sql = statements
      .replaceAll('millrace_owner', owner)
      .replace(/^create database millrace owner (\S+);$/m, `alter database "${url.pathname.slice(1)}" owner to $1;`)
      .replace(":'password'", "'secret of the test'")
    const superuser = new Client({ connectionString: url.href })
    await superuser.connect()
    const app = { name: `app_${owner}`, password: 'another' }
    t.teardown(async () => {
      await superuser.query(
        `reassign owned by ${owner} to current_user; drop owned by ${owner} cascade; drop owned by ${app.name} cascade; drop role ${app.name}; drop role ${owner}`,
      )
      await superuser.end()
    })
    await superuser.query(sql)
    const as = (user: string, password: string) => {
      const own = new URL(url)
      Object.assign(own, { username: user, password: '' })
      return { url: own.href, password, poolMax: 2, log }
    }
    const ownerOptions = as(owner, 'secret of the test')
    t.equal((await ensurePostgres(ownerOptions, app)).isRoleNew, true)
    t.equal((await ensurePostgres(ownerOptions, app)).isRoleNew, false, 'the second `docker compose up` too')
    const metadata = await openPostgresMetadata(as(app.name, app.password))
    await t.resolves(metadata.ping())
    await metadata.close()
  },
)
