/** How far a value can be trusted. Absent is `good`. Bad values keep their quality; they are never stored as 0. */
export const QUALITIES = ['good', 'uncertain', 'bad', 'estimated'] as const
export type Quality = (typeof QUALITIES)[number]

/** Whose clock gave the time: the sensor's or gateway's own message, or ours when it was received. */
export const TIME_SOURCES = ['device', 'gateway', 'receipt'] as const
export type TimeSource = (typeof TIME_SOURCES)[number]
