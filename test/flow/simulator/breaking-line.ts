import { connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * A line to a server on this machine that breaks: each of the first `breaks` connections is cut, both ways and without a word, when
 * the server has answered `answersMax` times. Later connections hold.
 *
 * @returns the port to connect to.
 */
export async function openBreakingLine(
  t: Test,
  { port, breaks, answersMax }: { readonly port: number; readonly breaks: number; readonly answersMax: number },
): Promise<number> {
  const open = new Set<Socket>()
  let connections = 0
  const line = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port })
    const isBreaking = connections++ < breaks
    let answers = 0
    function cut(): void {
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) {
      open.add(socket)
      socket.on('error', cut)
      socket.on('close', () => {
        open.delete(socket)
        cut()
      })
    }
    near.pipe(far)
    far.on('data', (bytes) => {
      if (isBreaking && ++answers > answersMax) cut()
      else near.write(bytes)
    })
  })
  await new Promise<void>((resolve) => line.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    return new Promise((resolve) => line.close(resolve))
  })
  const address = line.address()
  if (typeof address !== 'object' || address === null) throw new Error('The line has no port.')
  return address.port
}
