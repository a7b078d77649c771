// The load comes from a process of its own, so that its CPU isn't counted.
import { createTemplate } from '../payload.ts'
import { type Door, type LoadConnection, type LoadGateway, openLoadConnection } from './connection.ts'

export interface LoadOrder {
  readonly door: Door
  readonly tenant: string
  readonly gateways: readonly LoadGateway[]
  readonly readingsPerMessage: number
  /** One-reading messages go round these many sensors of a gateway; larger ones hold a reading of each at several times. */
  readonly sensorsPerGateway: number
  readonly messages: number
  readonly window: number
  /** Time of the first reading, epoch milliseconds. */
  readonly firstMs: number
  /** Messages a second over all connections; absent for as fast as they are acknowledged. */
  readonly rate?: number
  /** With a rate: how many messages a gateway sends at once. */
  readonly burst?: number
}

export type LoadReply =
  | { readonly kind: 'connected' }
  | { readonly kind: 'done'; readonly seconds: number }
  | { readonly kind: 'failed'; readonly message: string }

const CONNECTS_AT_ONCE = 20

let connections: readonly LoadConnection[] = []

process.on('message', (order: LoadOrder | 'go') => {
  const work = order === 'go' ? go() : prepare(order)
  work.catch((error: unknown) => reply({ kind: 'failed', message: String(error) }))
})

let prepared: LoadOrder | undefined

async function prepare(order: LoadOrder): Promise<void> {
  for (const connection of connections) connection.close()
  const opened: LoadConnection[] = []
  for (let start = 0; start < order.gateways.length; start += CONNECTS_AT_ONCE) {
    opened.push(
      ...(await Promise.all(
        order.gateways.slice(start, start + CONNECTS_AT_ONCE).map((gateway) => openLoadConnection(gateway, order.door)),
      )),
    )
  }
  connections = opened
  prepared = order
  reply({ kind: 'connected' })
}

async function go(): Promise<void> {
  if (prepared === undefined) throw new Error('Nothing is prepared.')
  const { tenant, gateways, readingsPerMessage, sensorsPerGateway, messages, window, firstMs, rate, burst = 1 } = prepared
  const total = Math.ceil(messages / gateways.length)
  const startMs = performance.now()
  await Promise.all(
    connections.map((connection, index) => {
      const gateway = gateways[index]?.gateway ?? ''
      const sensors = Array.from({ length: sensorsPerGateway }, (_, sensor) => `${gateway}-sensor-${sensor}`)
      const topic = `v1/${tenant}/${gateway}/readings`
      const templates =
        readingsPerMessage === 1
          ? sensors.map((sensor) => createTemplate(topic, [sensor], 1))
          : [createTemplate(topic, sensors, readingsPerMessage / sensorsPerGateway)]
      const perSecond = rate === undefined ? undefined : rate / gateways.length
      return connection.run(templates, { total, window, firstMs, burst, ...(perSecond !== undefined && { perSecond }) })
    }),
  )
  reply({ kind: 'done', seconds: (performance.now() - startMs) / 1000 })
}

function reply(message: LoadReply): void {
  process.send?.(message)
}
