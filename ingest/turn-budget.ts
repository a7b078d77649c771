import { createQueue } from '../platform/runtime/queue.ts'

/**
 * Runs short tasks at once until they have taken `budgetMs` of one turn of the event loop; the others wait, in order, for later turns.
 * A burst of large messages is then checked a few at a time, and keep-alives, acknowledgements and queries go on in between.
 */
export function createTurnBudget(budgetMs: number): (task: () => void) => void {
  const waiting = createQueue<() => void>()
  let spentMs = 0
  let isTurnMarked = false

  function run(task: () => void): void {
    const start = performance.now()
    task()
    spentMs += performance.now() - start
    if (isTurnMarked) return
    isTurnMarked = true
    setImmediate(nextTurn)
  }

  function nextTurn(): void {
    isTurnMarked = false
    spentMs = 0
    while (spentMs < budgetMs) {
      const task = waiting.take()
      if (task === undefined) return
      run(task)
    }
  }

  return (task) => {
    if (waiting.size > 0 || spentMs >= budgetMs) waiting.push(task)
    else run(task)
  }
}
