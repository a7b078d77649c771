declare global {
  interface JSON {
    /** ECMAScript 2026; TypeScript's library does not know it yet. */
    rawJSON(text: string): object
  }
}

const MINUS_ZERO = JSON.rawJSON('-0')

/**
 * A finite number, so that `JSON.stringify` writes it bit for bit.
 *
 * JavaScript already writes the shortest digits that read back as the same float64. The one exception is -0,
 * which it writes as 0; a sensor that reports the sign of nothing gets it back.
 */
export const exactNumber = (value: number): number | object => (Object.is(value, -0) ? MINUS_ZERO : value)
