/** 13 sensors, a reading a minute; the minute that has begun is the live one's. */
export const isHistoryOf = (hours: number, readings: number): boolean =>
  [0, 1].some((missing) => readings === 13 * (hours * 60 - missing))

/** Every reading as a line, to compare what was sent with what arrived. */
export const linesOf = (messages: readonly { readonly readings: readonly object[] }[]): ReadonlySet<string> =>
  new Set(messages.flatMap(({ readings }) => readings.map((reading) => JSON.stringify(reading))))
