import { createQueue } from '../platform/runtime/queue.ts'

/** Called when the message may be acknowledged, or, with an error, when the connection must end without. */
export type Acknowledge = (error?: Error) => void

interface Place {
  readonly acknowledge: Acknowledge
  isSettled: boolean
  error: Error | undefined
}

/**
 * PUBACKs of one connection leave in the order in which its messages came (MQTT 3.1.1, [MQTT-4.6.0-2]), whatever order they become durable in.
 *
 * @returns a function that takes a place in the order, and returns what to call when that message is durable or lost.
 */
export function createAckOrder(): (acknowledge: Acknowledge) => Acknowledge {
  const waiting = createQueue<Place>()

  return (acknowledge) => {
    const place: Place = { acknowledge, isSettled: false, error: undefined }
    waiting.push(place)
    return (error) => {
      place.isSettled = true
      place.error = error
      for (let first = waiting.first(); first?.isSettled; first = waiting.first()) {
        waiting.take()
        first.acknowledge(first.error)
      }
    }
  }
}
