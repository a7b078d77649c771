export interface Queue<T> {
  readonly size: number
  push(item: T): void
  first(): T | undefined
  /** Removes the first one. */
  take(): T | undefined
}

/** Places of items that were taken are given back when there are this many, and more of them than of items that wait: so each item is moved once at most, on average. */
const COMPACT_AT = 1_024

/** First in, first out, at the same small cost whatever its length; `Array.shift` moves all that stay. */
export function createQueue<T>(): Queue<T> {
  let items: (T | undefined)[] = []
  let head = 0

  return {
    get size() {
      return items.length - head
    },
    push(item) {
      items.push(item)
    },
    first: () => items[head],
    take() {
      const item = items[head]
      if (head === items.length) return undefined
      items[head] = undefined
      head++
      if (head === items.length || (head >= COMPACT_AT && head * 2 >= items.length)) {
        items = items.slice(head)
        head = 0
      }
      return item
    },
  }
}
