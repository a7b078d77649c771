import type { Step } from './byte-cases.ts'
import { connack, connect, type Filter, suback, subscribe } from './mqtt-bytes.ts'

/** What most conversations are about. */
export const message = { topic: 't', payload: 'hello' }

/** Opens a session. The client id is the first letter: `s2` is another connection of the client `s`. */
export const enters = (name: string, isClean = true, isSessionPresent = false): readonly Step[] => [
  [name, 'sends', connect({ id: name.slice(0, 1), isClean })],
  [name, 'gets', connack(0, isSessionPresent)],
]

export const subscribes = (name: string, ...filters: readonly Filter[]): readonly Step[] => [
  [name, 'sends', subscribe(10, ...filters)],
  [name, 'gets', suback(10, ...filters.map(([, qos]) => qos))],
]

export const hears = (name: string, ...filters: readonly Filter[]): readonly Step[] => [
  ...enters(name),
  ...subscribes(name, ...filters),
]

export const closed = ['a', 'is closed'] as const

/** The client `a` is let in. */
export const accepted: readonly Step[] = [
  ['a', 'gets', connack(0)],
  ['a', 'hears nothing'],
]

/** It sends this as its first packet, and is let in. */
export const opens = (bytes: Buffer): readonly Step[] => [['a', 'sends', bytes], ...accepted]

/** It sends this as its first packet, and is turned away, with a code or without a word. */
export const refused = (bytes: Buffer, code?: number): readonly Step[] =>
  code === undefined ? [['a', 'sends', bytes], closed] : [['a', 'sends', bytes], ['a', 'gets', connack(code)], closed]
