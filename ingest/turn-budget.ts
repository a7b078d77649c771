import { createQueue } from '../platform/runtime/queue.ts'

export interface TurnBudgetOptions {
  /** Milliseconds of one turn of the event loop that tasks may take together; the last one may pass it. */
  readonly budgetMs: number
  /** Asked before each task; false lets the tasks wait until `resume`. */
  readonly hasRoom: () => boolean
}

export interface TurnBudget {
  /** Runs the task at once where there is room and time left, otherwise in a later turn. Tasks run in the order of the calls. */
  run(task: () => void): void
  /** There may be room again. */
  resume(): void
}

/**
 * Runs short tasks at once until they have taken `budgetMs` of one turn of the event loop; the others wait, in order, for later turns.
 * A burst of large messages is then checked a few at a time, and keep-alives, acknowledgements and queries go on in between.
 */
export function createTurnBudget({ budgetMs, hasRoom }: TurnBudgetOptions): TurnBudget {
  const waiting = createQueue<() => void>()
  let spentMs = 0
  let isTurnMarked = false

  function work(task: () => void): void {
    const start = performance.now()
    try {
      task()
    } finally {
      spentMs += performance.now() - start
      markTurn()
    }
  }

  function markTurn(): void {
    if (isTurnMarked) return
    isTurnMarked = true
    setImmediate(endTurn)
  }

  /** Immediates come last in a turn, behind sockets and timers: those have had their share of it, and the rest of the budget is for what waits. */
  function endTurn(): void {
    isTurnMarked = false
    try {
      while (spentMs < budgetMs && hasRoom()) {
        const task = waiting.take()
        if (task === undefined) return
        work(task)
      }
    } finally {
      spentMs = 0
      if (waiting.size > 0 && hasRoom()) markTurn()
    }
  }

  return {
    run(task) {
      if (waiting.size > 0 || spentMs >= budgetMs || !hasRoom()) waiting.push(task)
      else work(task)
    },
    resume() {
      if (waiting.size > 0) markTurn()
    },
  }
}
