import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type InfluxServer, startInflux } from '../../../scripts/services/influx.ts'
import { type KafkaServer, startKafka } from '../../../scripts/services/kafka.ts'
import { type PostgresServer, startPostgres } from '../../../scripts/services/postgres.ts'
import { freePort } from '../../../scripts/services/run.ts'
import { startToxiproxy } from '../../../scripts/services/toxiproxy.ts'
import { type Disk, openDisk } from './disks.ts'

export const SERVERS = ['kafka', 'influx', 'postgres'] as const
export type ServerName = (typeof SERVERS)[number]

/** A way between our processes and a server, in which something can go wrong. */
export interface Wire {
  /** Where our processes connect. */
  readonly port: number
  /** Every connection breaks, and none can be made. */
  cut(): Promise<void>
  /** Connections stay, and nothing comes through any more. */
  silence(): Promise<void>
  slow(latencyMs: number): Promise<void>
  heal(): Promise<void>
}

export interface Servers {
  readonly kafka: KafkaServer
  readonly influx: InfluxServer
  readonly postgres: PostgresServer
  readonly wires: Readonly<Record<ServerName, Wire>>
  /** Where each has its files; absent where none can be mounted. */
  readonly disks: Readonly<Record<ServerName, Disk | undefined>>
  /** A wire between gateways and one of our own listeners. */
  openDoor(listenerPort: number): Promise<Wire>
  stop(): Promise<void>
}

/** Servers of one run's own, each behind a wire. */
export async function startServers(folder: string): Promise<Servers> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const proxy = await startToxiproxy(join(folder, 'toxiproxy'))
  // A client of Kafka goes where the broker says it is: that must be the wire.
  const wirePort = await freePort()
  const disks = {
    kafka: openDisk(join(folder, 'kafka')),
    influx: openDisk(join(folder, 'influx')),
    postgres: openDisk(join(folder, 'postgres')),
  }
  const [kafka, influx, postgres] = await Promise.all([
    startKafka(join(folder, 'kafka'), { advertisedPort: wirePort }),
    startInflux(join(folder, 'influx')),
    startPostgres(join(folder, 'postgres')),
  ])
  const wires = {
    kafka: await openWire(proxy.url, { name: 'kafka', upstream: kafka.listens, port: wirePort }),
    influx: await openWire(proxy.url, { name: 'influx', upstream: new URL(influx.url).host, port: await freePort() }),
    postgres: await openWire(proxy.url, { name: 'postgres', upstream: new URL(postgres.url).host, port: await freePort() }),
  }
  return {
    kafka,
    influx,
    postgres,
    wires,
    disks,
    openDoor: async (listenerPort) =>
      openWire(proxy.url, { name: `door-${listenerPort}`, upstream: `127.0.0.1:${listenerPort}`, port: await freePort() }),
    async stop() {
      for (const server of [kafka, influx, postgres]) server.child.kill('SIGCONT')
      await Promise.all([kafka, influx, postgres, proxy].map((server) => server.stop()))
      for (const disk of Object.values(disks)) disk?.remove()
    },
  }
}

/** By way of a running Toxiproxy, whose API is at `url`. */
export async function openWire(
  url: string,
  { name, upstream, port }: { readonly name: string; readonly upstream: string; readonly port: number },
): Promise<Wire> {
  const tell = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`Toxiproxy answers ${response.status} to ${path}: ${await response.text()}`)
  }
  await tell('/proxies', { name, upstream, listen: `127.0.0.1:${port}`, enabled: true })
  const toxic = (type: string, attributes: object) => tell(`/proxies/${name}/toxics`, { type, name: type, attributes })
  return {
    port,
    cut: () => tell(`/proxies/${name}`, { enabled: false }),
    silence: () => toxic('timeout', { timeout: 0 }),
    slow: (latency) => toxic('latency', { latency, jitter: latency }),
    async heal() {
      for (const type of ['timeout', 'latency']) await fetch(`${url}/proxies/${name}/toxics/${type}`, { method: 'DELETE' })
      await tell(`/proxies/${name}`, { enabled: true })
    },
  }
}
