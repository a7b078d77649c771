/** What is left to be done when a command is through takes less. */
const LEFT_BEHIND_MS = 1_000

/**
 * Ends with this code as soon as nothing is left to be done, and soon in any case: a client that connects once more after it was closed would keep
 * a process alive that has failed to start, and who waits to start it anew would wait for ever.
 */
export function endProcess(exitCode: number): void {
  process.exitCode = exitCode
  setTimeout(() => process.exit(), LEFT_BEHIND_MS).unref()
}
