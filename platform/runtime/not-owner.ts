import { MillraceError } from './errors.ts'

export const notOwner = (): MillraceError =>
  new MillraceError(
    'event-log.not-owner',
    'The partitions were dealt out anew; what was read is read again by who owns them now.',
  )

/** Whether it is of no use to try again: what was to be stored or committed comes again, here or elsewhere. */
export const isNotOwner = (error: unknown): boolean => error instanceof MillraceError && error.code === 'event-log.not-owner'
