import type { Ownership, Place } from '../ports/event-log.ts'
import { MillraceError } from './errors.ts'

export const notOwner = (): MillraceError =>
  new MillraceError(
    'event-log.not-owner',
    'The partitions were dealt out anew; what was read is read again by who owns them now.',
  )

/** Whether it is of no use to try again: what was to be stored or committed comes again, here or elsewhere. */
export const isNotOwner = (error: unknown): boolean => error instanceof MillraceError && error.code === 'event-log.not-owner'

/**
 * What was dealt out to a consumer once.
 *
 * @param current     What it has now: another one as soon as the partitions are, or are about to be, dealt out anew.
 * @param assertMore  Asked where that is the same.
 */
export function createOwnership(
  places: readonly Place[],
  current: () => Ownership,
  assertMore: () => void = () => undefined,
): Ownership {
  const own: Ownership = {
    places,
    assertOwner() {
      if (own !== current() || places.length === 0) throw notOwner()
      assertMore()
    },
  }
  return own
}
