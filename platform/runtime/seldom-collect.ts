import { setFlagsFromString } from 'node:v8'

/** In per cent of what is alive. V8's own choice is some 100 for a heap that is mostly garbage. */
const GROWTH_PERCENT = 400

/**
 * For a process that moves records, whose heap is small and nearly all garbage: old space may grow to five times what is alive before it is
 * collected. Left to itself V8 collects it at each 30 MB of buffers, several times a second at full load: a third of all CPU (decision 17).
 * The limits of what is in flight bound what is alive, and with it this.
 */
export function seldomCollect(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`)
}
