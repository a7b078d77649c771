import { createRandomStream, deriveSeed } from '../../../operate/simulator/random.ts'

/** Chance that a seed repeats. Each name has a stream of its own, so that one more draw here changes nothing there. */
export interface Random {
  /** In [0, 1). */
  share(): number
  /** A whole number in [0, end). */
  below(end: number): number
  pick<T>(items: readonly [T, ...T[]]): T
  /** Any finite float64; one in eight is an edge case. */
  float(): number
}

const EDGES = [
  -0,
  0,
  Number.MIN_VALUE,
  -Number.MIN_VALUE,
  2.225_073_858_507_201e-308,
  2.2250738585072014e-308,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Number.EPSILON,
  2 ** 53 + 2,
  0.1 + 0.2,
  1e21,
  1e-7,
] as const

const EDGE_SHARE = 1 / 8

export function createRandom(seed: number, name: string): Random {
  const stream = createRandomStream(deriveSeed(seed, name))
  const bits = new DataView(new ArrayBuffer(8))
  let drawn = 0
  const share = (): number => stream.uniform(drawn++)
  const below = (end: number): number => Math.floor(share() * end)

  function pick<T>(items: readonly [T, ...T[]]): T {
    return items[below(items.length)] ?? items[0]
  }

  return {
    share,
    below,
    pick,
    float() {
      if (share() < EDGE_SHARE) return pick(EDGES)
      for (;;) {
        bits.setUint32(0, below(2 ** 32))
        bits.setUint32(4, below(2 ** 32))
        const value = bits.getFloat64(0)
        if (Number.isFinite(value)) return value
      }
    },
  }
}
