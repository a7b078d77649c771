// Goal: the scan of the bytes sees the depth, the keys and the names of any JSON text, doubled keys included.
// Method: random JSON texts, printed with random spaces, escapes and doubled keys, against a walk over the tree they were printed from.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { countNames, scanJson } from '../../ingest/scan-json.ts'
import { bytesOf } from './ingest/message.ts'

type Tree =
  | { readonly text: string }
  | { readonly items: readonly Tree[] }
  | { readonly members: readonly (readonly [string, Tree])[] }

const awkward = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('', ':', '"', '\\', '\\"', '{', '}', '[', ']', '":"', '\\u0022', 'é', '😀', 'a', 'b'),
)
const leaf = fc
  .oneof(awkward, fc.double({ noDefaultInfinity: true, noNaN: true }), fc.constantFrom(null, true, false))
  .map((value) => ({ text: JSON.stringify(value) }))
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({ items: fc.array(tie('tree'), { maxLength: 4 }) }),
    fc.record({ members: fc.array(fc.tuple(awkward, tie('tree')), { maxLength: 4 }) }),
  ),
}))

function print(node: Tree, space: string): string {
  if ('text' in node) return node.text
  if ('items' in node) return `[${node.items.map((item) => `${space}${print(item, space)}${space}`).join(',')}]`
  return `{${node.members.map(([key, item]) => `${space}${JSON.stringify(key)}${space}:${space}${print(item, space)}`).join(',')}}`
}

/** The slow and obvious way. */
function walk(node: Tree): { readonly depth: number; readonly names: readonly string[] } {
  if ('text' in node) return { depth: 0, names: [] }
  const inner = ('items' in node ? node.items : node.members.map(([, item]) => item)).map(walk)
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    names: [...('members' in node ? node.members.map(([key]) => key) : []), ...inner.flatMap(({ names }) => names)],
  }
}

t.test('the scan says what a walk over the tree says', async () => {
  fc.assert(
    fc.property(tree, fc.constantFrom('', ' ', '\t\r\n '), (node, space) => {
      const bytes = bytesOf(print(node, space))
      const { depth, names } = walk(node)
      assert.deepEqual(scanJson(bytes), { depth, keys: names.length })
      assert.equal(countNames(bytes, 1_000), new Set(names.map((name) => JSON.stringify(name))).size)
    }),
    { numRuns: 2_000 },
  )
})

t.test('names are counted up to the bound and one more', async (t) => {
  const bytes = bytesOf(JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, n]))))
  t.equal(countNames(bytes, 50), 50)
  t.equal(countNames(bytes, 49), 50)
  t.equal(countNames(bytes, 3), 4)
})

t.test('bytes that are no JSON end the scan as well', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { depth, keys } = scanJson(bytes)
      assert.ok(depth >= 0 && depth <= bytes.length && keys <= bytes.length)
      assert.ok(countNames(bytes, 10) <= keys)
    }),
  )
  t.same(scanJson(bytesOf('"never closed: {[')), { depth: 0, keys: 0 })
  t.same(scanJson(bytesOf('"\\')), { depth: 0, keys: 0 })
  t.same(scanJson(bytesOf(']]]}[{')), { depth: 0, keys: 0 }, 'what closes without being open goes below zero')
})

t.test('a long string before a million colons is hashed once', async (t) => {
  const bytes = bytesOf(`"${'x'.repeat(500_000)}"${':'.repeat(500_000)}`)
  const startMs = performance.now()
  t.equal(countNames(bytes, 4_096), 2)
  t.ok(performance.now() - startMs < 2_000, 'not a million times, which would take minutes')
})
