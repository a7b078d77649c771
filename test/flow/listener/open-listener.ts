import { createServer, type Server, type Socket } from 'node:net'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { type Listener, type ListenerLimits, startListener, type Transport } from '../../../ingest/listener.ts'
import { createIngestMetrics } from '../../../ingest/metrics.ts'
import type { Policy, Session } from '../../../ingest/policy.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import { type ByteClient, openPlain } from './byte-client.ts'

/** As in the product, but for the times, which a test need not wait for. */
export const openLimits: ListenerLimits = {
  packetBytesMax: 1_049_600,
  connectBytesMax: 16_384,
  connectTimeoutMs: 10_000,
  packetTimeoutMs: 120_000,
  keepAliveMaxSeconds: 3_600,
  perConnection: { messagesMax: 1_000, bytesMax: 4_194_304 },
  inAll: { messagesMax: 50_000, bytesMax: 67_108_864 },
}

/** Lets everybody in under the id they ask for, and routes what they publish as any broker does. */
export const openPolicy: Policy = {
  async admit(_peer, { clientId }): Promise<Session> {
    return {
      isAdmitted: true,
      isConsumed: false,
      clientId,
      refusePublish: () => undefined,
      maySubscribe: () => true,
      consume: (_payload, done) => done(),
      opened: () => undefined,
      closed: () => undefined,
    }
  },
}

/** A plain socket on a free port of the loopback address. */
export function createPlainTransport(): Transport {
  const server = createServer({ noDelay: true })
  return {
    listen: (onConnection) =>
      new Promise((resolve) => {
        server.on('connection', (socket: Socket) => onConnection(socket, { address: socket.remoteAddress ?? '' }))
        server.listen(0, '127.0.0.1', () => resolve({ port: portOf(server), stop: () => stop(server) }))
      }),
  }
}

export function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no port.')
  return address.port
}

const stop = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()))

export interface OpenListener extends Listener {
  readonly metrics: Registry
  connect(): Promise<ByteClient>
}

/** The listener on a plain socket, where everything is allowed that MQTT allows, unless another policy is given. */
export async function openListener(t: Test, limits: Partial<ListenerLimits> = {}, policy = openPolicy): Promise<OpenListener> {
  const metrics = new Registry()
  const listener = await startListener({
    transport: createPlainTransport(),
    policy,
    limits: { ...openLimits, ...limits },
    metrics: createIngestMetrics(metrics),
    log: createLogger({ level: 'silent', part: 'test', isPretty: false }),
  })
  t.teardown(() => listener.stop())
  return {
    ...listener,
    metrics,
    async connect() {
      const client = await openPlain({ host: '127.0.0.1', port: listener.port })
      t.teardown(() => client.destroy())
      return client
    },
  }
}
