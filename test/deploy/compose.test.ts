// Goal: docker-compose.yml is valid, closed, and says to Millrace only what it understands, though no engine is here to run it.
// Method: the schema of the Compose specification; rules, each shown a file that breaks it; Millrace's own reading of the environment.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import t from 'tap'
import { findProgram } from '../programs.ts'
import { composeRules } from './compose-rules.ts'
import { at, type Fields, fieldsOf, listOf, parseYaml, read, textOf } from './read-deploy.ts'

const run = promisify(execFile)
const file = parseYaml(read('docker-compose.yml'))
const services = Object.entries(fieldsOf(file.services)).map(([name, service]) => ({ name, service: fieldsOf(service) }))

t.test('the file is what the Compose specification allows', async (t) => {
  // Vendored: schema/compose-spec.json of github.com/compose-spec/compose-go v2.16.2 (Apache-2.0).
  // Not ours, so not strict; its formats are about durations and ports, which `docker compose config` checks.
  const validate = new Ajv2020({ strict: false, allErrors: true, validateFormats: false }).compile(
    JSON.parse(read('test/deploy/compose-spec.json')),
  )
  validate(file)
  t.same(validate.errors ?? [], [])
  t.notOk(validate({ ...file, services: { broken: { imagine: 'x:1.0.0' } } }), 'and a word that it does not know is seen')
})

t.test('docker compose reads it', { skip: await lacksCompose() }, async (t) => {
  const { stderr } = await run('docker', ['compose', '--file', at('docker-compose.yml'), 'config', '--quiet'])
  t.equal(stderr, '')
})

for (const rule of composeRules) t.test(rule.name, async (t) => t.same(rule.check(file), []))

const SERVICE = fieldsOf(fieldsOf(file.services).kafka)
/** A service that breaks the rule whose name begins so. */
const PLANTED: Readonly<Record<string, Fields>> = {
  'every image': { image: 'apache/kafka:latest' },
  'every service that goes on': { healthcheck: { disable: true } },
  'every service has limits': { deploy: { resources: { limits: { cpus: '1', memory: '1G' } } } },
  'every service is read-only': { cap_add: ['SYS_ADMIN'] },
  'every service runs as': { user: '0:0' },
  'ports are': { ports: ['9093:9093'] },
  'what is started': { depends_on: ['certificates'] },
  'no secret stands': { environment: { KAFKA_PASSWORD: 'hunter2' } },
  'no service sees': { volumes: ['/var/run/docker.sock:/var/run/docker.sock'] },
}

for (const rule of composeRules) {
  t.test(`can fail: ${rule.name}`, async (t) => {
    const [, fault] = Object.entries(PLANTED).find(([start]) => rule.name.startsWith(start)) ?? []
    const broken =
      fault === undefined
        ? { ...file, secrets: { 'kafka-password': { environment: 'KAFKA_PASSWORD' } } }
        : { ...file, services: { ...fieldsOf(file.services), kafka: { ...SERVICE, ...fault } } }
    t.equal(rule.check(broken).length, 1)
  })
}

t.test('a one-shot that nobody waits for, a password in a URL and an image that is not pinned are seen', async (t) => {
  const found = (extra: Fields) => {
    const broken = { ...file, services: { ...fieldsOf(file.services), extra: { ...SERVICE, ...extra } } }
    return composeRules.flatMap((rule) => rule.check(broken)).length
  }
  t.equal(found({ restart: 'no' }), 1)
  t.equal(found({ environment: { URL: 'postgres://me:hunter2@db/x' } }), 1)
  t.equal(found({ image: 'kafka' }), 1)
  t.equal(found({ image: 'apache/kafka:4.1.2' }), 1, 'a version alone may be another image tomorrow')
  t.equal(found({ image: `apache/kafka@sha256:${'a'.repeat(64)}` }), 1, 'a digest alone tells nobody what it is')
})

t.test('every variable of Millrace in it is one that Millrace knows', async (t) => {
  const page = read('docs/reference/configuration.md')
  const names = [...new Set(read('docker-compose.yml').match(/\bMILLRACE_[A-Z_]+/g))]
  t.same(
    names.filter((name) => !page.includes(`| \`${name}\` |`)),
    [],
  )
})

t.test('every file, volume, network and secret that a service names is there', async (t) => {
  for (const { name, service } of services) {
    for (const volume of listOf(service.volumes).map(textOf)) {
      const [source = ''] = volume.split(':')
      const isThere = source.startsWith('./') ? existsSync(at(source)) : source in fieldsOf(file.volumes)
      t.ok(isThere, `${name} mounts ${source}`)
    }
    for (const kind of ['secrets', 'networks'] as const)
      for (const one of listOf(service[kind]).map(textOf)) t.ok(one in fieldsOf(file[kind]), `${name} has ${kind} ${one}`)
    const named = JSON.stringify(service).match(/(?<=\/run\/secrets\/)[a-z-]+/g) ?? []
    t.same(
      named.filter((one) => !listOf(service.secrets).includes(one)),
      [],
      `${name} names no secret that it isn't given`,
    )
  }
})

t.test('deploy/make-secrets.sh makes every secret', async (t) => {
  const made = /^for name in (.*); do$/m.exec(read('deploy/make-secrets.sh'))?.[1]?.split(' ')
  t.same(made?.toSorted(), Object.keys(fieldsOf(file.secrets)).toSorted())
})

async function lacksCompose(): Promise<false | string> {
  if (findProgram('docker') === undefined) return 'The program docker is not installed.'
  return run('docker', ['compose', 'version']).then(
    () => false as const,
    () => 'docker has no plugin compose here.',
  )
}
