import t from 'tap'
import { stalePages } from '../../docs/generate/drift.ts'
import { page, table } from '../../docs/generate/markdown.ts'
import { fieldsOf, limitsOf, typeOf } from '../../docs/generate/schema-fields.ts'

// Goal: the reference says what the code says, and the check sees every page that doesn't.
t.test('a page that is missing or was changed by hand is stale', async (t) => {
  const pages = ['same.md', 'changed.md', 'missing.md'].map((path) =>
    page(path, { title: 'T', source: 'here', blocks: ['text'] }),
  )
  const texts = new Map(pages.map(({ path, text }) => [path, text]))
  texts.set('changed.md', `${texts.get('changed.md')} `)
  texts.delete('missing.md')
  t.same(
    stalePages(pages, (path) => texts.get(path)).map(({ path }) => path),
    ['changed.md', 'missing.md'],
  )
})

t.test('a cell can not end its row', async (t) => {
  t.equal(table(['a', 'b'], [['x|y', 'one\ntwo']]), '| a | b |\n| --- | --- |\n| x\\|y | one two |')
})

t.test('every field of a schema is listed with its place, however deep', async (t) => {
  const schema = {
    type: 'object',
    required: ['rows'],
    properties: {
      rows: {
        type: 'array',
        description: 'The rows.',
        items: {
          type: 'object',
          required: ['ts'],
          properties: { ts: { type: 'string' } },
          additionalProperties: { type: 'number' },
        },
      },
      next: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    },
  }
  t.same(
    fieldsOf(schema).map(({ path, type, isRequired }) => [path, type, isRequired]),
    [
      ['rows', 'array of object', true],
      ['rows[].ts', 'string', true],
      ['rows[].*', 'number', true],
      ['next', 'string or null', false],
    ],
  )
})

t.test('limits are told in words, and closed lists by their values', async (t) => {
  t.equal(limitsOf({ type: 'integer', minimum: 0, maximum: 9 }), '0 to 9')
  t.equal(limitsOf({ type: 'integer', minimum: 1 }), 'at least 1')
  t.equal(limitsOf({ enum: ['a', 'b'] }), '`a`, `b`')
  t.equal(typeOf({ enum: ['a', 'b'] }), '`a`, `b`')
})
