import { CommanderError, InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import t from 'tap'
import { parseDuration, parseWhole } from '../../operate/commands/duration.ts'
import { EXIT, exitCodeOf } from '../../operate/output/exit-codes.ts'
import { printable } from '../../operate/output/printable.ts'
import { shortTime, table } from '../../operate/output/table.ts'
import { type ErrorCode, MillraceError } from '../../platform/runtime/errors.ts'

t.test('durations are a number and a unit', async (t) => {
  const known = {
    '90s': 90_000,
    '10m': 600_000,
    '1.5h': 5_400_000,
    '14d': 1_209_600_000,
    '2w': 1_209_600_000,
    '250ms': 250,
    '0': 0,
  }
  for (const [text, durationMs] of Object.entries(known)) t.equal(parseDuration(text), durationMs, text)
  for (const text of ['', '10', 'm', '-1h', '1 h', '1y', '1e3s', '١s', '99999999999s']) {
    t.throws(() => parseDuration(text), InvalidArgumentError, text)
  }
})

t.test('whole numbers stay within their range', async (t) => {
  const parse = parseWhole(1, 100)
  t.equal(parse('100'), 100)
  for (const text of ['0', '101', '1.5', '', ' 1', '0x10', '1e1', '-1']) t.throws(() => parse(text), InvalidArgumentError, text)
})

t.test('nothing that is printed can steer a terminal', async (t) => {
  t.equal(printable('a\u001b[2Jb'), 'a\\u001b[2Jb')
  t.equal(printable('Ünï ✓ 製'), 'Ünï ✓ 製')
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => !/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(printable(text)),
    ),
  )
})

t.test('a table has a row a line, without trailing spaces, and can not be broken by a name', async (t) => {
  const drawn = table(
    ['ID', 'NAME'],
    [
      ['a', 'x\ny'],
      ['long-id', ''],
    ],
  )
  t.same(drawn.split('\n'), ['ID       NAME', 'a        x\\u000ay', 'long-id'])
})

t.test('times are shown to the minute', async (t) => {
  t.equal(shortTime('2026-03-01T12:34:56.789Z'), '2026-03-01 12:34')
  t.equal(shortTime(undefined), '-')
})

t.test('the exit code says what to do', async (t) => {
  const expected: readonly (readonly [ErrorCode, number])[] = [
    ['usage.invalid', EXIT.usage],
    ['data.invalid', EXIT.data],
    ['tenant.unknown', EXIT.data],
    ['admin.unavailable', EXIT.unavailable],
    ['event-log.unavailable', EXIT.unavailable],
    ['config.invalid', EXIT.configuration],
    ['data-folder.locked', EXIT.configuration],
  ]
  for (const [code, exitCode] of expected) t.equal(exitCodeOf(new MillraceError(code, '')), exitCode, code)
  t.equal(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', '')), EXIT.done)
  t.equal(exitCodeOf(new CommanderError(1, 'commander.unknownOption', '')), EXIT.usage)
  t.equal(exitCodeOf(new TypeError('a bug')), EXIT.bug)
})
