/**
 * Runs `work` until it ends by itself, is interrupted (SIGINT, SIGTERM), or its reader goes away (`| head`).
 * All of these are the ordinary end of a command that goes on for ever, so none is an error.
 */
export async function untilInterrupted<T>(stdout: NodeJS.EventEmitter, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const end = () => controller.abort()
  process.once('SIGINT', end)
  process.once('SIGTERM', end)
  stdout.once('close', end)
  stdout.once('error', end)
  try {
    return await work(controller.signal)
  } finally {
    process.off('SIGINT', end)
    process.off('SIGTERM', end)
    stdout.off('close', end)
    stdout.off('error', end)
  }
}
