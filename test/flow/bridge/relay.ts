import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'

/** A wire to a broker that can be cut. */
export interface Relay {
  readonly url: string
  /** Connections so far. */
  readonly connections: number
  /** Ends those that are open; new ones are let through. */
  cut(): void
  /** From now on, whoever connects is cut off at once. */
  refuse(): void
}

export async function startRelay(t: Test, toPort: number): Promise<Relay> {
  const open = new Set<Socket>()
  let connections = 0
  let isRefusing = false
  const server = createServer((socket) => {
    connections++
    if (isRefusing) return void socket.destroy()
    const far = connect(toPort, '127.0.0.1')
    for (const [from, to] of [
      [socket, far],
      [far, socket],
    ] as const) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.once('close', () => open.delete(from) && to.destroy())
      from.pipe(to)
    }
  })
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  t.teardown(() => {
    cut()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address: AddressInfo | string | null = server.address()
  return {
    url: `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    get connections() {
      return connections
    },
    cut,
    refuse() {
      isRefusing = true
      cut()
    },
  }
}
