// Goal: a reading's time is taken or refused exactly at the boundaries, and a refusal says what the device probably did.
// Method: each boundary and the millisecond beyond it; random times against the rule written down once more.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { checkTime } from '../../ingest/check-time.ts'
import { NOW_MS, WINDOW } from './ingest/message.ts'

const Y2001_MS = 978_307_200_000
const check = (ts: number, nowMs = NOW_MS) => checkTime(ts, nowMs, WINDOW)
const reasonOf = (ts: number, nowMs = NOW_MS) => check(ts, nowMs)?.reason

t.test('a clock may be exactly ten minutes ahead', async (t) => {
  t.equal(reasonOf(NOW_MS + WINDOW.aheadMs), undefined)
  t.equal(reasonOf(NOW_MS + WINDOW.aheadMs + 1), 'time.too-far-ahead')
  t.equal(reasonOf(Number.MAX_VALUE), 'time.too-far-ahead')
})

t.test('a reading may be exactly as old as the retention', async (t) => {
  t.equal(reasonOf(NOW_MS - WINDOW.retentionMs), undefined)
  t.equal(reasonOf(NOW_MS - WINDOW.retentionMs - 1), 'time.too-old')
})

t.test('before 2001 no clock was set', async (t) => {
  t.equal(reasonOf(Y2001_MS), 'time.too-old')
  t.equal(reasonOf(Y2001_MS - 1), 'time.clock-not-set')
  for (const ts of [0, -0, 1, 86_400_000, -1, -Number.MAX_VALUE]) t.equal(reasonOf(ts), 'time.clock-not-set', `${ts}`)
  const young = Y2001_MS + 86_400_000
  t.equal(reasonOf(Y2001_MS, young), undefined, 'even where the retention goes further back')
  t.equal(reasonOf(Y2001_MS - 1, young), 'time.clock-not-set')
})

t.test('a refusal says which unit would fit', async (t) => {
  const seconds = Math.floor(NOW_MS / 1_000)
  t.match(check(seconds), { reason: 'time.in-seconds', detail: `${seconds} as seconds is 2025-11-24T16:00:00.000Z` })
  t.equal(reasonOf(seconds + 600), 'time.in-seconds')
  t.equal(reasonOf(seconds + 601), 'time.clock-not-set')
  t.equal(reasonOf(Math.ceil((NOW_MS - WINDOW.retentionMs) / 1_000)), 'time.in-seconds')
  t.match(check(NOW_MS * 1e3), { reason: 'time.too-far-ahead', detail: /fits microseconds/ })
  t.match(check(NOW_MS * 1e6), { reason: 'time.too-far-ahead', detail: /fits nanoseconds/ })
  t.notMatch(check(NOW_MS * 1e4)?.detail, /fits/)
  t.match(check(1e300)?.detail, /is no date/)
})

t.test('any whole number is taken when it lies in the window, and refused with a reason when not', async () => {
  const near = fc.tuple(
    fc.constantFrom(NOW_MS, NOW_MS + WINDOW.aheadMs, NOW_MS - WINDOW.retentionMs, Y2001_MS, 0),
    fc.integer({ min: -3, max: 3 }),
  )
  const time = fc.oneof(
    near.map(([base, delta]) => base + delta),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(Math.trunc),
  )
  fc.assert(
    fc.property(time, (ts) => {
      const isIn = ts >= NOW_MS - WINDOW.retentionMs && ts <= NOW_MS + WINDOW.aheadMs
      const fault = check(ts)
      assert.equal(fault === undefined, isIn)
      assert.ok(fault === undefined || fault.detail.length < 200)
    }),
    { numRuns: 2_000 },
  )
})
