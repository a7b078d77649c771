// Goal: a queue gives items back in their order, whatever was pushed and taken before, and stays fast when it is long.
// Method: random pushes and takes against an array; a million items timed against what moving all of them each time would take.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { createQueue } from '../../platform/runtime/queue.ts'

t.test('a queue does what an array does', async () => {
  const count = fc.integer({ min: 0, max: 1_500 })
  fc.assert(
    fc.property(fc.array(fc.record({ pushes: count, takes: count }), { maxLength: 8 }), (steps) => {
      const queue = createQueue<number>()
      const model: number[] = []
      let next = 0
      for (const { pushes, takes } of steps) {
        for (let left = pushes; left > 0; left--) {
          queue.push(next)
          model.push(next++)
        }
        for (let left = takes; left > 0; left--) {
          assert.equal(queue.first(), model[0])
          assert.equal(queue.take(), model.shift())
        }
        assert.equal(queue.size, model.length)
      }
    }),
  )
})

t.test('items that are undefined count as well', async (t) => {
  const queue = createQueue<undefined>()
  queue.push(undefined)
  queue.push(undefined)
  t.equal(queue.size, 2)
  queue.take()
  t.equal(queue.size, 1)
})

t.test('a million items cost no more each than a thousand', async (t) => {
  const queue = createQueue<number>()
  const startMs = performance.now()
  for (let item = 0; item < 1_000_000; item++) queue.push(item)
  for (let item = 0; item < 1_000_000; item++) if (queue.take() !== item) t.fail(`${item} came out of order`)
  const tookMs = performance.now() - startMs
  t.equal(queue.size, 0)
  // Some 30 ms; copying what is left every thousand items took 1.5 s.
  t.ok(tookMs < 700, `${Math.round(tookMs)} ms`)
})
