/**
 * Chance with random access: output number `index` of the splitmix32 generator (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014, with 32-bit constants by Ettinger). Because an output needs no outputs before it, what happens
 * at an instant depends on the seed and that instant alone, whenever a run began.
 */
export interface RandomStream {
  /** In [0, 1), evenly. */
  uniform(index: number): number
  /** Mean 0, standard deviation 1, never beyond 3.5: the sum of four even bytes. */
  normal(index: number): number
  /** In [-1, 1], moving slowly: a new direction every `periodMs`. */
  drift(atMs: number, periodMs: number): number
}

const GOLDEN_GAMMA = 0x9e3779b9
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const FOUR_BYTES_MEAN = 510
const FOUR_BYTES_DEVIATION = 147.8

/** A seed of its own for everything that has a name, so that adding a machine changes no other one (FNV-1a of the name). */
export function deriveSeed(seed: number, name: string): number {
  let hash = FNV_OFFSET ^ mix(seed)
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME)
  return mix(hash)
}

export function createRandomStream(seed: number): RandomStream {
  const bits = (index: number): number => mix((seed + Math.imul(index + 1, GOLDEN_GAMMA)) | 0)
  const uniform = (index: number): number => bits(index) / 2 ** 32
  return {
    uniform,
    normal(index) {
      const word = bits(index)
      const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24)
      return (sum - FOUR_BYTES_MEAN) / FOUR_BYTES_DEVIATION
    },
    drift(atMs, periodMs) {
      const knot = Math.floor(atMs / periodMs)
      const part = atMs / periodMs - knot
      const blend = (1 - Math.cos(Math.PI * part)) / 2
      return (uniform(knot) * (1 - blend) + uniform(knot + 1) * blend) * 2 - 1
    },
  }
}

/** The finaliser of splitmix32. */
function mix(word: number): number {
  let x = word ^ (word >>> 16)
  x = Math.imul(x, 0x21f0aaad)
  x ^= x >>> 15
  x = Math.imul(x, 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}
