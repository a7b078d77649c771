import type { RejectionKey } from '../platform/ports/rejections.ts'

/** How the API names an entry. */
export const formatRejectionId = ({ timeMs, partition, offset, fault }: RejectionKey): string =>
  `${timeMs}-${partition}-${offset}-${fault}`

/** @param id  Matches `REJECTION_ID_PATTERN`. */
export function parseRejectionId(id: string): RejectionKey {
  const [timeMs = 0, partition = 0, offset = 0, fault = 0] = id.split('-').map(Number)
  return { timeMs, partition, offset, fault }
}
