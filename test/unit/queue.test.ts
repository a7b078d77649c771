import fc from 'fast-check'
import t from 'tap'
import { createQueue } from '../../platform/runtime/queue.ts'

const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)

t.test(`a queue is an array without its cost (seed ${seed})`, (t) => {
  const runs = fc.array(fc.record({ pushes: fc.nat(3_000), takes: fc.nat(3_000) }), { maxLength: 12 })
  fc.assert(
    fc.property(runs, (steps) => {
      const queue = createQueue<number>()
      const model: number[] = []
      let next = 0
      for (const { pushes, takes } of steps) {
        for (let count = 0; count < pushes; count++) {
          queue.push(next)
          model.push(next++)
        }
        for (let count = 0; count < takes; count++) if (queue.first() !== model[0] || queue.take() !== model.shift()) return false
        if (queue.size !== model.length) return false
      }
      return true
    }),
    { seed, numRuns: 50 },
  )
  t.end()
})
