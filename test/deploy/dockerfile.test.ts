// Goal: the image is what docs/decisions/0016-containers.md says, though no engine is here to build it.
// Method: rules read the Dockerfile, and each is shown a Dockerfile that breaks it.
import { existsSync } from 'node:fs'
import t from 'tap'
import { dockerfileRules, parseDockerfile } from './dockerfile-rules.ts'
import { at, read } from './read-deploy.ts'

const text = read('Dockerfile')
const instructions = parseDockerfile(text)

for (const rule of dockerfileRules) t.test(rule.name, async (t) => t.same(rule.check(instructions), []))

/** Each line breaks the rule whose name begins so. */
const PLANTED: Readonly<Record<string, string>> = {
  'FROM names': 'FROM node:24-slim',
  'nothing is added': 'ADD https://example.com/x.tar.gz /app',
  'files belong': 'COPY operate ./operate',
  'only what is named': 'COPY --chown=0:0 . .',
  'what apt installs': 'RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*',
  'npm installs': 'RUN npm ci',
  'nothing fetched': 'RUN curl https://example.com/install.sh | sh',
  'nobody becomes': 'RUN sudo true',
  'no secret stands in ENV': 'ENV DB_PASSWORD=hunter2',
  'no secret stands in ARG': 'ARG NPM_TOKEN',
  'folders are absolute': 'WORKDIR app',
  'CMD has no shell': 'CMD millrace up',
  'ENTRYPOINT has no shell': 'ENTRYPOINT millrace',
  'the program runs': 'USER root',
  'the last stage has a health': 'FROM scratch',
  'the last stage has no tools': 'RUN npm run build',
}

for (const rule of dockerfileRules) {
  t.test(`can fail: ${rule.name}`, async (t) => {
    const [, line] = Object.entries(PLANTED).find(([start]) => rule.name.startsWith(start)) ?? []
    t.ok(line, 'a fault is planted')
    t.not(rule.check(parseDockerfile(`${text}\n${line}\n`)).length, 0, line ?? 'nothing is planted')
  })
}

t.test('every step of apt that is left out is seen', async (t) => {
  const [apt] = dockerfileRules.filter(({ name }) => name.startsWith('what apt'))
  const check = (line: string) => apt?.check(parseDockerfile(line)).length
  t.equal(check('RUN apt-get install -y curl=8.1 && rm -rf /var/lib/apt/lists/*'), 1, 'recommends')
  t.equal(check('RUN apt-get install -y --no-install-recommends curl=8.1'), 1, 'lists')
  t.equal(check('RUN apt-get install -y --no-install-recommends curl=8.1 && rm -rf /var/lib/apt/lists/*'), 0, 'as it should be')
})

t.test('every folder of the product is in the image, and reaches the builder', async (t) => {
  const folders = ['schemas', 'platform', 'ingest', 'stream-processors', 'query-api', 'portal', 'operate']
  const ignored = read('.dockerignore').split('\n')
  t.equal(
    ignored.find((line) => !line.startsWith('#')),
    '*',
    'everything is left out that is not named',
  )
  for (const folder of folders.filter((name) => existsSync(at(name)))) {
    t.ok(
      instructions.some(({ keyword, text }) => keyword === 'COPY' && text === `--chown=0:0 ${folder} ./${folder}`),
      `COPY ${folder}`,
    )
    t.ok(ignored.includes(`!${folder}`), `.dockerignore lets ${folder} through`)
  }
})

t.test('the runtime and the version are those of package.json', async (t) => {
  const { version, dependencies } = JSON.parse(read('package.json'))
  t.ok(
    instructions.filter(({ keyword }) => keyword === 'FROM').every(({ text }) => text.startsWith(`node:${dependencies.node}-`)),
  )
  t.ok(instructions.some(({ keyword, text }) => keyword === 'ARG' && text === `VERSION=${version}`))
  t.match(read('docker-compose.yml'), `image: millrace:${version}`)
})
