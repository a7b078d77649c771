import { createServer } from 'node:net'
import type { Random } from './random.ts'

export interface Ports {
  readonly mqtt: number
  readonly http: number
}

/**
 * Below the range from which Linux takes the ports of outgoing connections: a client that tries again and again to reach a closed port within that
 * range will one day be given it as its own, and then holds the port that the restarted server needs.
 */
const PORT_MIN = 15_000
const PORT_COUNT = 15_000
const ATTEMPTS_MAX = 100

/** Ports that are free now and stay the same over all restarts. */
export async function choosePorts(random: Random): Promise<Ports> {
  const mqtt = await chooseFree(random, 0)
  return { mqtt, http: await chooseFree(random, mqtt) }
}

async function chooseFree(random: Random, taken: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const port = PORT_MIN + random.below(PORT_COUNT)
    if (port !== taken && (await isFree(port))) return port
  }
  throw new Error(`Found no free port from ${PORT_MIN} on.`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
