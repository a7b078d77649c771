// Goal: acknowledgements leave in the order in which messages came; checking messages never holds the event loop for long, and keeps their order.
// Method: random orders of becoming durable; tasks that really take time, watched from the turns in between.
import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { createAckOrder } from '../../ingest/ack-order.ts'
import { createTurnBudget } from '../../ingest/turn-budget.ts'

t.test('acknowledgements leave in order, each as soon as all before it have', async () => {
  const orders = fc.nat({ max: 12 }).chain((count) => {
    const places = Array.from({ length: count }, (_, index) => index)
    return fc.shuffledSubarray(places, { minLength: count })
  })
  fc.assert(
    fc.property(orders, fc.func(fc.boolean()), (order, isLost) => {
      const left: (readonly [number, string | undefined])[] = []
      const take = createAckOrder()
      const settles = order.map((_, place) => take((error) => left.push([place, error?.message])))
      const settled = new Set<number>()
      for (const place of order) {
        settles[place]?.(isLost(place) ? new Error(`lost ${place}`) : undefined)
        settled.add(place)
        let first = 0
        while (settled.has(first)) first++
        assert.deepEqual(
          left,
          Array.from({ length: first }, (_, index) => [index, isLost(index) ? `lost ${index}` : undefined]),
        )
      }
    }),
  )
})

t.test('an acknowledgement may settle another one while it leaves', async (t) => {
  const left: number[] = []
  const take = createAckOrder()
  const first = take(() => {
    left.push(1)
    third()
  })
  const second = take(() => left.push(2))
  const third = take(() => left.push(3))
  second()
  first()
  t.same(left, [1, 2, 3])
})

const BUDGET_MS = 10
const TASK_MS = 4

function spin(forMs: number): void {
  const endMs = performance.now() + forMs
  while (performance.now() < endMs);
}

t.test('a turn takes the budget and one task at most, and the tasks keep their order', async (t) => {
  const budget = createTurnBudget({ budgetMs: BUDGET_MS, hasRoom: () => true })
  const done: number[] = []
  for (let task = 0; task < 20; task++) {
    budget.run(() => {
      spin(TASK_MS)
      done.push(task)
    })
  }
  t.ok(done.length >= 1 && done.length <= Math.ceil(BUDGET_MS / TASK_MS), 'at once, what the budget allows')
  for (let before = done.length; done.length < 20; before = done.length) {
    await setImmediate()
    // A turn of this test may see one of the budget's turns, or two that lie next to each other.
    t.ok(done.length - before <= 2 * Math.ceil(BUDGET_MS / TASK_MS), `${done.length - before} in a turn`)
  }
  t.same(
    done,
    Array.from({ length: 20 }, (_, index) => index),
  )
})

t.test('a task that comes while others wait stands behind them', async (t) => {
  const budget = createTurnBudget({ budgetMs: 1, hasRoom: () => true })
  const done: string[] = []
  budget.run(() => spin(2))
  budget.run(() => {
    done.push('a')
    budget.run(() => done.push('c'))
  })
  budget.run(() => done.push('b'))
  while (done.length < 3) await setImmediate()
  t.same(done, ['a', 'b', 'c'])
})

t.test('without room nothing runs; with room again it goes on, in order', async (t) => {
  let hasRoom = false
  const budget = createTurnBudget({ budgetMs: BUDGET_MS, hasRoom: () => hasRoom })
  const done: number[] = []
  budget.resume()
  for (let task = 0; task < 3; task++) budget.run(() => done.push(task))
  for (let turn = 0; turn < 5; turn++) await setImmediate()
  t.same(done, [])
  hasRoom = true
  budget.resume()
  budget.run(() => done.push(3))
  t.same(done, [], 'those that wait come first')
  while (done.length < 4) await setImmediate()
  t.same(done, [0, 1, 2, 3])
})

t.test('a task that fails does not keep the others from running', async (t) => {
  const budget = createTurnBudget({ budgetMs: 1, hasRoom: () => true })
  let isDone = false
  t.throws(() =>
    budget.run(() => {
      spin(2)
      throw new Error('a bug')
    }),
  )
  budget.run(() => (isDone = true))
  while (!isDone) await setImmediate()
  t.ok(isDone)
})
