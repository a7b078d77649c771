// Goal: names and texts that mean something to MQTT, a shell, a path or SQL do not come in; all others that people use do.
// Method: random strings against the grammar written as a loop over characters; the awkward ones by hand.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isCleanText } from '../../ingest/clean-text.ts'
import { isGatewayId, isMetricName, isSensorId, isTenantId } from '../../schemas/names.ts'
import { clientIds, downPrefix, logKey, parseLogKey, readingsTopic } from '../../schemas/topics.ts'

const LOWER = 'abcdefghijklmnopqrstuvwxyz'
const DIGITS = '0123456789'
const ALL = `${LOWER}${LOWER.toUpperCase()}${DIGITS}`
const GRAMMARS = [
  { name: 'tenant', is: isTenantId, first: LOWER + DIGITS, rest: `${LOWER}${DIGITS}-`, lengthMax: 63 },
  { name: 'gateway', is: isGatewayId, first: ALL, rest: `${ALL}._-`, lengthMax: 64 },
  { name: 'sensor', is: isSensorId, first: ALL, rest: `${ALL}._-`, lengthMax: 128 },
  { name: 'metric', is: isMetricName, first: LOWER, rest: `${LOWER}${DIGITS}_`, lengthMax: 64 },
] as const

for (const { name, is, first, rest, lengthMax } of GRAMMARS) {
  const follows = (text: string): boolean =>
    text.length > 0 &&
    text.length <= lengthMax &&
    [...text].every((letter, index) => (index === 0 ? first : rest).includes(letter))

  t.test(`the name of a ${name} follows its grammar, and nothing else is one`, async (t) => {
    const near = fc.string({
      unit: fc.constantFrom(...rest, '-', '_', '.', '/', '+', '#', ' ', 'A', '\n', 'é'),
      maxLength: lengthMax + 2,
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => assert.equal(is(text), follows(text))),
      { numRuns: 1_000 },
    )
    const letter = first[0] ?? ''
    t.ok(is(letter.repeat(lengthMax)))
    t.notOk(is(letter.repeat(lengthMax + 1)))
    for (const text of [
      '',
      '.',
      '..',
      `${letter}\n`,
      `\n${letter}`,
      `${letter}/${letter}`,
      `${letter}\0`,
      '__proto__',
      '$SYS',
      `${letter}%2f`,
      'ａ',
    ])
      t.notOk(is(text), JSON.stringify(text))
  })
}

t.test('a key names the gateway it was made of, and no other text is a key', async (t) => {
  const name = fc.record(
    { tenant: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/), gateway: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/) },
    { noNullPrototype: true },
  )
  fc.assert(fc.property(name, (one) => assert.deepEqual(parseLogKey(logKey(one)), one)))
  for (const key of ['', 'acme', 'acme/', '/gw', 'acme/gw/x', 'Acme/gw', 'acme/g w', '../gw'])
    t.equal(parseLogKey(key), undefined, key)
  const one = { tenant: 'acme', gateway: 'gw-1' }
  t.same(
    [readingsTopic(one), downPrefix(one), ...clientIds(one)],
    ['v1/acme/gw-1/readings', 'v1/acme/gw-1/down/', 'gw-1', 'acme/gw-1'],
  )
})

t.test('text is clean unless it holds what no person can read', async (t) => {
  for (const text of ['', 'gw-1', 'v1/acme/gw-1/readings', 'Zähler 1', '温度', '😀', 'a\u00a0b'])
    t.ok(isCleanText(text), JSON.stringify(text))
  for (const code of [0, 1, 9, 10, 13, 0x1f, 0x7f, 0x80, 0x9f, 0xd800, 0xdfff, 0xfdd0, 0xfdef, 0xfffd, 0xfffe, 0xffff])
    t.notOk(isCleanText(`a${String.fromCharCode(code)}b`), `U+${code.toString(16)}`)
  t.notOk(isCleanText('\udc00\ud800'), 'surrogates the wrong way round')
  t.notOk(isCleanText(Buffer.from([0x61, 0xc0, 0x80]).toString('utf8')), 'what the parser makes of ill-formed UTF-8')
})
