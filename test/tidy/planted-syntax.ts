import { EMPTY, type PlantedFault } from './planted-imports.ts'

const lines = (count: number, text: string): string => `${text}\n`.repeat(count)
const note = ['TO', 'DO'].join('')

export const PLANTED_SYNTAX: readonly PlantedFault[] = [
  {
    fault: 'names that say nothing',
    files: {
      'ingest/utils.ts': EMPTY,
      'ingest/SocketGuard.ts': EMPTY,
      'ingest/index.ts': EMPTY,
      'ingest/common/a.test.ts': EMPTY,
    },
    found: [
      'ingest/utils.ts:1: "utils" says nothing',
      'ingest/SocketGuard.ts:1: "SocketGuard" is not kebab-case',
      'ingest/index.ts:1: "index" says nothing',
      'ingest/common/a.test.ts:1: "common" says nothing',
    ],
  },
  {
    fault: 'barrels',
    files: {
      'ingest/a.ts': EMPTY,
      'ingest/b.ts': "export { nothing } from './a.ts'\n",
      'ingest/c.ts': "export * from './a.ts'\nexport const d = 1\n",
    },
    found: ['ingest/b.ts:1: b.ts passes on', 'ingest/c.ts:1: c.ts passes on'],
  },
  { fault: 'a file of 251 lines', files: { 'ingest/a.ts': lines(251, '// line') }, found: ['ingest/a.ts:251: 251 lines'] },
  {
    fault: 'a function of 61 lines, and one of 60',
    files: {
      'ingest/a.ts': `export function long() {\n${lines(59, '  step()')}}\nexport const short = () => {\n${lines(58, '  step()')}}\n`,
    },
    found: ['ingest/a.ts:1: A function of 61 lines'],
  },
  {
    fault: 'a long test inside a suite that is long only by its tests',
    files: { 'test/a.ts': `t.test('suite', (t) => {\n  t.test('a', () => {\n${lines(59, '    t.pass()')}  })\n})\n` },
    found: ['test/a.ts:2: A function of 61 lines'],
  },
  {
    fault: 'types that are not true',
    files: {
      'ingest/a.ts':
        'export const a: any = 1\nexport const b = a!.c\nexport const d = a as string\nlet e!: number\nexport const f = <number>a\nexport const g = [1] as const\nexport const h = a satisfies number\n',
    },
    found: ['ingest/a.ts:1: any', 'ingest/a.ts:2: !', 'ingest/a.ts:4: !', 'ingest/a.ts:3: as', 'ingest/a.ts:5: as'],
  },
  {
    fault: 'what can not be erased',
    files: { 'ingest/a.ts': 'export enum Colour { red }\nnamespace Inner {}\ndeclare global {}\n' },
    found: ['ingest/a.ts:1: enum', 'ingest/a.ts:2: enum'],
  },
  {
    fault: 'default exports in each of their forms',
    files: {
      'ingest/a.ts': 'export default 1\n',
      'ingest/b.ts': 'const b = 1\nexport { b as default }\n',
      'ingest/c.ts': 'export default function c() {}\n',
    },
    found: ['ingest/a.ts:1: default export', 'ingest/b.ts:2: default export', 'ingest/c.ts:1: default export'],
  },
  {
    fault: 'a word to the console',
    files: { 'ingest/a.ts': "console.log('console.log')\nimport { log } from 'node:console'\n" },
    found: ['ingest/a.ts:1: console', 'ingest/a.ts:2: console'],
  },
  {
    fault: 'a test that runs alone',
    files: { 'test/unit/a.test.ts': "t.only('x', () => {})\nt.test('y', { only: true }, () => {})\n" },
    found: ['test/unit/a.test.ts:1: only', 'test/unit/a.test.ts:2: only'],
  },
  {
    fault: 'the environment read in the middle of the code',
    files: {
      'ingest/a.ts': "import { env } from 'node:process'\nexport const port = process.env.MILLRACE_PORT\n",
      'ingest/main.ts': 'start(process.env)\n',
    },
    found: ['ingest/a.ts:1: process.env', 'ingest/a.ts:2: process.env'],
  },
  { fault: 'a note of work to do', files: { 'ingest/a.ts': `\n// ${note}: later\n` }, found: [`ingest/a.ts:2: ${note}`] },
  {
    fault: 'variables that nobody wrote down',
    files: {
      'ingest/config.ts': "export const keys = ['MILLRACE_PORT', 'MILLRACE_PORT_2']\n",
      'ingest/main.ts': 'start(process.env.NO_COLOR)\n',
    },
    found: [
      'ingest/config.ts:1: MILLRACE_PORT_2 is missing from .env.example',
      'ingest/main.ts:1: NO_COLOR is missing from .env.example',
      'ingest/config.ts:1: MILLRACE_PORT_2 is missing from docs/reference/configuration.md',
      'ingest/main.ts:1: NO_COLOR is missing from docs/reference/configuration.md',
    ],
  },
  {
    fault: 'a metric that nobody wrote down',
    files: { 'ingest/metrics.ts': "const a = { name: 'ingest_messages_total' }\nconst b = { name: 'ingest_bytes_total' }\n" },
    found: ['ingest/metrics.ts:2: ingest_bytes_total is missing from docs/reference/metrics.md'],
  },
  {
    fault: 'links that lead nowhere',
    files: {
      'docs/a.md':
        '[b](b.md)\n[up](../README.md)\n[none](none.md) [b](b.md#a-heading) [b](b.md#none)\n```\n[code](none.md)\n```\n[web](https://example.com)\n',
      'docs/b.md': '## A heading!\n',
      'README.md': '[docs](docs) `[x](y)`\n',
    },
    found: ['docs/a.md:3: none.md leads nowhere', 'docs/a.md:3: docs/b.md has no heading #none'],
  },
  {
    fault: 'a reason that nobody wrote down',
    files: { 'reasons.md': '### payload.empty-ish, payload.emptyness' },
    found: ['reasons.md:1: The reason payload.empty is missing'],
  },
]
