import t from 'tap'
import { createConfigReader, findUnknown, readConfig, refuseProblems } from '../../platform/runtime/read-config.ts'

interface DoorConfig {
  MILLRACE_DOOR_HOST: string
  MILLRACE_DOOR_PORT: number
  MILLRACE_DOOR_CERT_FILE?: string
}

const schema = {
  $id: 'https://millrace.dev/schemas/test-door.json',
  type: 'object',
  properties: {
    MILLRACE_DOOR_HOST: { type: 'string', minLength: 1, default: '127.0.0.1' },
    MILLRACE_DOOR_PORT: { type: 'integer', minimum: 0, maximum: 65_535, default: 8_883 },
    MILLRACE_DOOR_CERT_FILE: { type: 'string' },
  },
} as const

const reader = createConfigReader<DoorConfig>(schema)

function read(environment: Readonly<Record<string, string | undefined>>) {
  const problems: string[] = []
  return { config: readConfig(reader, environment, problems), problems }
}

t.test('what is left out, or empty, has its default; what is not ours is not looked at', async (t) => {
  const expected = { MILLRACE_DOOR_HOST: '127.0.0.1', MILLRACE_DOOR_PORT: 8_883 }
  t.same(read({}), { config: expected, problems: [] })
  t.same(read({ MILLRACE_DOOR_PORT: '', MILLRACE_DOOR_HOST: undefined, HOME: '/root', MILLRACE_OTHER: 'x' }).config, expected)
})

t.test('text becomes what the schema says', async (t) => {
  t.match(read({ MILLRACE_DOOR_PORT: '18883', MILLRACE_DOOR_HOST: '0' }).config, {
    MILLRACE_DOOR_PORT: 18_883,
    MILLRACE_DOOR_HOST: '0',
  })
})

t.test('what breaks its rule is a problem that names the variable', async (t) => {
  for (const port of ['x', '-1', '65536', '1.5', 'null', 'true', '1e9', '0x10', 'Infinity', ' 5']) {
    const { config, problems } = read({ MILLRACE_DOOR_PORT: port })
    t.equal(config, undefined, port)
    t.match(problems, [/^MILLRACE_DOOR_PORT: must be/])
  }
})

t.test('all problems are found, and reported together', async (t) => {
  const strict = createConfigReader<{ A: number; B: number }>({
    type: 'object',
    properties: { A: { type: 'integer' }, B: { type: 'integer', maximum: 5 } },
  })
  const problems: string[] = []
  readConfig(strict, { A: 'x', B: '6' }, problems)
  t.equal(problems.length, 2)
  t.throws(
    () => refuseProblems([...problems, ...findUnknown({ MILLRACE_DOR_PORT: '1', MILLRACE_DOOR_PORT: '1', PATH: '' }, [schema])]),
    {
      code: 'config.invalid',
      message: /^The settings are not valid:\n {2}A: .*\n {2}B: .*\n {2}MILLRACE_DOR_PORT: no such setting/,
    },
  )
  t.doesNotThrow(() => refuseProblems([]))
})

t.test('one setting may require another', async (t) => {
  const pair = createConfigReader<object>({
    type: 'object',
    properties: { CERT: { type: 'string' }, KEY: { type: 'string' } },
    ...{ dependentRequired: { CERT: ['KEY'] } },
  })
  const problems: string[] = []
  t.equal(readConfig(pair, { CERT: 'a.pem' }, problems), undefined)
  t.match(problems, [/^settings: must have property KEY when property CERT is present/])
})
