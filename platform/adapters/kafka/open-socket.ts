import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactoryArgs } from 'kafkajs'

const KEEP_ALIVE_MS = 60_000
const CHECK_EVERY_MS = 1_000

/**
 * Opens a connection that is given up when it takes nothing of what waits to be written for so long. kafkajs only forgets a request that
 * has timed out, and writes the next one behind it: all that was ever tried on a broker that hangs would stay in memory.
 */
export function createSocketFactory(stalledMs: number): (wanted: ISocketFactoryArgs) => Socket {
  return ({ host, port, ssl, onConnect }) => {
    const socket = openSocket({ host, port, ssl, onConnect })
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    // kafkajs takes leave of a socket that is gone once more with each try, and each leaves a listener; Node would warn of a leak.
    socket.setMaxListeners(0)
    let taken = 0
    let progressMs = performance.now()
    const check = setInterval(() => {
      const now = socket.bytesWritten - socket.writableLength
      if (now !== taken || socket.writableLength === 0) {
        taken = now
        progressMs = performance.now()
      } else if (performance.now() - progressMs >= stalledMs) {
        socket.destroy(new Error(`${host}:${port} has read nothing for ${stalledMs} ms.`))
      }
    }, CHECK_EVERY_MS)
    check.unref()
    socket.once('close', () => clearInterval(check))
    return socket
  }
}

/** kafkajs says that there always is `ssl`, but there isn't without TLS. */
function openSocket({
  host,
  port,
  ssl,
  onConnect,
}: Omit<ISocketFactoryArgs, 'ssl'> & { ssl?: ISocketFactoryArgs['ssl'] }): Socket {
  if (!ssl) return connect({ host, port }, onConnect)
  // A certificate for an address is found without a server name, which may not be an address.
  return connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
}
