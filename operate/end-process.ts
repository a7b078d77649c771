/** What is left to be done when a command is through takes less, but for output that somebody reads slowly. */
const LEFT_BEHIND_MS = 1_000
/** Who has read nothing for so long isn't waited for. */
const READ_MS_MAX = 60_000

/**
 * Ends with this code as soon as nothing is left to be done, and soon after all output has been read in any case: a client that connects once more
 * after it was closed would keep a process alive that has failed to start, and who waits to start it anew would wait for ever.
 */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode
  const isRead = ({ writableLength, destroyed }: NodeJS.WriteStream): boolean => destroyed || writableLength === 0
  setInterval(() => {
    if (isRead(process.stdout) && isRead(process.stderr)) process.exit()
  }, LEFT_BEHIND_MS).unref()
  setTimeout(() => process.exit(), READ_MS_MAX).unref()
}
