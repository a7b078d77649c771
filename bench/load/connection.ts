import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { generate } from 'mqtt-packet'
import { fill, type Template } from '../payload.ts'

export interface LoadGateway {
  readonly gateway: string
  readonly certificatePem: string
  readonly privateKeyPem: string
}

export interface Door {
  readonly port: number
  readonly rootPem: string
}

/** CONNACK and PUBACK are both 4 bytes. */
const ACK_BYTES = 4

export interface LoadOptions {
  readonly total: number
  /** Messages in flight. */
  readonly window: number
  /** Time of the first reading, epoch milliseconds. */
  readonly firstMs: number
  /** Messages a second, in bursts of `burst`; absent for as fast as they are acknowledged. */
  readonly perSecond?: number
  readonly burst?: number
  /** Told of each message before it leaves. @param timeMs  Of its first reading, epoch milliseconds. */
  readonly onSend?: (timeMs: number) => void
}

/** A bare MQTT client that keeps `window` messages in flight: as little work a message as can be, since it shares the machine with what is measured. */
export interface LoadConnection {
  /** Sends messages from `templates` in turn until `total` have been sent; resolves when all are acknowledged. */
  run(templates: readonly Template[], options: LoadOptions): Promise<void>
  close(): void
}

const PACE_MS_MIN = 5

export async function openLoadConnection(
  { gateway, certificatePem, privateKeyPem }: LoadGateway,
  { port, rootPem }: Door,
): Promise<LoadConnection> {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: 'localhost',
    cert: certificatePem,
    key: privateKeyPem,
    ca: rootPem,
    minVersion: 'TLSv1.3',
  })
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  socket.write(
    generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: gateway, keepalive: 600 }),
  )
  const [connack]: Buffer[] = await once(socket, 'data')
  if (connack?.length !== ACK_BYTES || connack[3] !== 0) throw new Error(`${gateway} was not let in: ${connack?.toString('hex')}`)
  return { run: (templates, options) => run(socket, templates, options), close: () => socket.destroy() }
}

function run(
  socket: TLSSocket,
  templates: readonly Template[],
  { total, window, firstMs, perSecond, burst = 1, onSend }: LoadOptions,
): Promise<void> {
  let sent = 0
  let acked = 0
  let rest = 0
  // Gateways don't speak in unison.
  const startMs = performance.now() + (perSecond === undefined ? 0 : (Math.random() * 1000 * burst) / perSecond)

  function send(count: number): void {
    const packets: Buffer[] = []
    for (let index = 0; index < count && sent < total; index++, sent++) {
      const template = templates[sent % templates.length]
      if (template === undefined) continue
      const timeMs = firstMs + Math.floor(sent / templates.length) * template.times
      onSend?.(timeMs)
      packets.push(fill(template, (sent % 65_535) + 1, timeMs))
    }
    if (packets.length > 0) socket.write(packets.length === 1 && packets[0] ? packets[0] : Buffer.concat(packets))
  }

  return new Promise((resolve, reject) => {
    const pace = (rate: number): void => {
      const bursts = Math.floor(((performance.now() - startMs) / 1000) * (rate / burst)) + 1
      send(Math.min(bursts * burst - sent, window - (sent - acked)))
    }
    const timer =
      perSecond === undefined ? undefined : setInterval(pace, Math.max(PACE_MS_MIN, (500 * burst) / perSecond), perSecond)
    const onClose = (): void => {
      clearInterval(timer)
      reject(new Error('The connection was closed under load.'))
    }
    const onData = (chunk: Buffer): void => {
      rest += chunk.length
      const count = Math.floor(rest / ACK_BYTES)
      rest -= count * ACK_BYTES
      acked += count
      if (acked < total) return timer === undefined ? send(count) : undefined
      clearInterval(timer)
      socket.off('data', onData)
      socket.off('close', onClose)
      resolve()
    }
    socket.on('data', onData)
    socket.once('close', onClose)
    if (timer === undefined) send(window)
  })
}
