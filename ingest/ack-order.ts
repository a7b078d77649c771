/** Called when the message may be acknowledged, or, with an error, when the connection must end without. */
export type Acknowledge = (error?: Error) => void

/**
 * PUBACKs of one connection leave in the order in which its messages came (MQTT 3.1.1, [MQTT-4.6.0-2]), whatever order they become durable in.
 *
 * @returns a function that takes a place in the order, and returns what to call when that message is durable or lost.
 */
export function createAckOrder(): (acknowledge: Acknowledge) => Acknowledge {
  const waiting: { readonly acknowledge: Acknowledge; isSettled: boolean; error?: Error }[] = []

  return (acknowledge) => {
    const place: (typeof waiting)[number] = { acknowledge, isSettled: false }
    waiting.push(place)
    return (error) => {
      place.isSettled = true
      if (error) place.error = error
      while (waiting[0]?.isSettled) {
        const first = waiting.shift()
        first?.acknowledge(first.error)
      }
    }
  }
}
