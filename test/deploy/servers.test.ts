// Goal: what docker-compose.yml gives to Kafka and PostgreSQL is what they and Millrace take, though no container runs here.
// Method: the real servers, started with the files of deploy/: only places, ports and names of hosts are changed.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import t, { type Test } from 'tap'
import { ensurePostgres } from '../../platform/adapters/postgres/ensure.ts'
import { openPostgresMetadata } from '../../platform/adapters/postgres/open.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { untilReady } from '../../scripts/services/run.ts'
import { openLog } from '../contract/kafka/open-log.ts'
import { needs } from '../programs.ts'
import { needsService, openPostgres } from '../services.ts'
import { ownerStatements, prepareKafka } from './by-hand/deployed-servers.ts'
import { at } from './read-deploy.ts'

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
    await run('sh', [at('deploy/certificates.sh'), join(folder, 'certificates')])
    await run('sh', [at('deploy/make-secrets.sh'), join(folder, 'secrets')])
    const certificates = join(folder, 'certificates/kafka')
    const broker = await prepareKafka(folder, { certificates, passwordFile: join(folder, 'secrets/kafka-password') })
    const password = await readFile(join(folder, 'secrets/kafka-password'), 'utf8')
    const caPem = await readFile(join(certificates, 'ca.pem'), 'utf8')
    const sasl = { mechanism: 'scram-sha-512' as const, username: 'millrace', password }
    const connection = { brokers: [`localhost:${broker.port}`], caPem, sasl }

    for (const time of ['first', 'second']) {
      const logFile = join(folder, `${time}.log`)
      const server = broker.launch(logFile)
      t.teardown(() => server.stop())
      const reaches = async () => (await openLog(t, connection)).log.ping().then(() => true)
      await untilReady(server, logFile, READY_TIMEOUT_MS, reaches)
      t.pass(`Millrace writes to it, the ${time} time`)
      await server.stop()
    }
  },
)

t.test(
  'the owner that deploy/postgres/owner.sh makes can prepare the database, again and again',
  { skip: needsService('postgres') },
  async (t) => {
    const url = new URL((await openPostgres(t)).url)
    const owner = `owner_${url.pathname.slice(1)}`
    const sql = ownerStatements()
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
