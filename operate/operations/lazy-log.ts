import type { LogView } from './operation.ts'

export interface ClosableLogView extends LogView {
  close(): Promise<void>
}

/** Opens the log only when it is read: most commands work on the metadata alone, and should not wait for the log. */
export function createLazyLogView(open: () => Promise<ClosableLogView>): ClosableLogView {
  let opening: Promise<ClosableLogView> | undefined
  function reader(): Promise<ClosableLogView> {
    opening ??= open()
    return opening
  }
  return {
    partitions: async (topic) => (await reader()).partitions(topic),
    read: async (from, limit) => (await reader()).read(from, limit),
    offsetsAt: async (topic, timeMs) => (await reader()).offsetsAt(topic, timeMs),
    async close() {
      await (await opening)?.close()
    },
  }
}
