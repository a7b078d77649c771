// Goal: large messages are checked on a thread of their own, and what one gateway sent is decided in its order all the same.
// Method: messages of both kinds, with numbers, given to the checks; the thread is the real one.
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createLargeChecker } from '../../ingest/large-checker.ts'
import { createMessageChecks, LARGE_BYTES } from '../../ingest/message-checks.ts'
import type { Outcome } from '../../ingest/outcome.ts'
import { decodeEnvelope } from '../../schemas/envelope.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'

const window = { retentionMs: 3_600_000, aheadMs: 60_000 }
const receivedMs = 1_764_000_000_000

/** One reading with this number, and blanks that make it so large. */
function message(number: number, sizeBytes = 0): Buffer {
  const text = `{"readings":[{"sensor":"s","ts":${receivedMs},"values":{"n":${number}}}]`
  return Buffer.from(`${text}${' '.repeat(Math.max(0, sizeBytes - text.length - 1))}}`)
}

function numberIn({ records }: Outcome): number {
  const envelope = decodeEnvelope(records[0]?.value ?? new Uint8Array())
  return JSON.parse(Buffer.from(envelope?.payload ?? []).toString()).readings[0].values.n
}

function openChecks(t: Test, thread?: URL) {
  const { log, lines } = createReadableLog()
  const large = createLargeChecker(window, log, thread)
  t.teardown(() => large.stop())
  const checks = createMessageChecks({ window, large, hasRoom: () => true })
  const decided: string[] = []

  function check(gateway: string, payload: Uint8Array, isWanted = () => true): Promise<void> {
    return new Promise((resolve, reject) =>
      checks.check({
        from: {
          tenant: 'acme',
          gateway,
          get isEnded() {
            return !isWanted()
          },
        },
        payload,
        receivedMs,
        decided(outcome) {
          decided.push(outcome.accepted > 0 ? `${gateway}:${numberIn(outcome)}` : `${gateway}:refused`)
          resolve()
        },
        dropped: reject,
      }),
    )
  }
  return { check, decided, lines }
}

t.test('what one gateway sent is decided in its order, and others do not wait for it', async (t) => {
  const { check, decided } = openChecks(t)
  const sizes = [0, LARGE_BYTES, 0, 0, 900_000, LARGE_BYTES, 0]
  const all = [...sizes.entries()].map(([number, size]) => check('a', message(number, size)))
  await check('b', message(0))
  t.same(decided, ['a:0', 'b:0'], 'before the first large one')
  all.push(check('a', message(sizes.length)))
  await Promise.all(all)
  t.same(
    decided.filter((text) => text.startsWith('a')),
    [0, 1, 2, 3, 4, 5, 6, 7].map((number) => `a:${number}`),
  )
  await check('a', message(8))
  t.equal(decided.at(-1), 'a:8', 'and then it goes on as before')
})

t.test('the size of a compressed message is what it says it is, and a lie is found out', async (t) => {
  const { check, decided } = openChecks(t)
  const small = check('a', gzipSync(message(0)))
  t.same(decided, ['a:0'], 'a small one is decided at once')
  const large = check('a', gzipSync(message(1, LARGE_BYTES)))
  t.equal(decided.length, 1, 'a large one is not')
  await Promise.all([small, large])
  const lying = gzipSync(message(2, LARGE_BYTES))
  lying.writeUInt32LE(10, lying.length - 4)
  await check('a', lying)
  t.same(decided, ['a:0', 'a:1', 'a:refused'])
  const text = message(3, LARGE_BYTES)
  const members = check('a', Buffer.concat([gzipSync(text.subarray(0, -1)), gzipSync(text.subarray(-1))]))
  t.equal(decided.length, 3, 'nor is one that hides its size behind a small last member')
  await members
  t.equal(decided.at(-1), 'a:3')
})

t.test('a large message of a gateway that was revoked meanwhile is dropped, and so are those behind it', async (t) => {
  const { check, decided } = openChecks(t)
  let isWanted = true
  const checked = [LARGE_BYTES, LARGE_BYTES, 0].map((size, number) => check('a', message(number, size), () => isWanted))
  isWanted = false
  for (const one of checked) await t.rejects(one, /session-ended/)
  t.same(decided, [])
})

t.test('a thread that ends takes its messages with it, unacknowledged, and the next large message has another', async (t) => {
  const { check, decided, lines } = openChecks(t, new URL('./ingest/dying-thread.ts', import.meta.url))
  const [first, deadly] = [check('b', message(0, LARGE_BYTES)), check('a', Buffer.from(`"deadly${'!'.repeat(LARGE_BYTES)}"`))]
  await first
  await t.rejects(deadly, { code: 'event-log.unavailable' })
  t.match(lines, [{ level: 50 }], 'which is said, loudly')
  await check('a', message(1, LARGE_BYTES))
  t.same(decided, ['b:0', 'a:1'])
})
