import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Artefact, artefactFolder } from './cache.ts'
import { freePort, run, type Server, startServer, untilReady } from './run.ts'

const VERSION = '2.12.0'
const READY_TIMEOUT_MS = 10_000

export const toxiproxyArtefact: Artefact = {
  name: 'toxiproxy',
  version: VERSION,
  needs: { go: 'golang' },
  takes: 'a minute',
  // `go install` names the program after its folder: `server`.
  build: (folder) => run('go', ['install', `github.com/Shopify/toxiproxy/v2/cmd/server@v${VERSION}`], { env: { GOBIN: folder } }),
}

export interface ToxiproxyServer extends Server {
  /** Of its HTTP API. */
  readonly url: string
}

/** Stands between two parties, and delays, cuts and stops what passes. */
export async function startToxiproxy(folder: string): Promise<ToxiproxyServer> {
  await mkdir(folder, { recursive: true })
  const port = await freePort()
  const logFile = join(folder, 'toxiproxy.log')
  const program = join(artefactFolder(toxiproxyArtefact), 'server')
  const server = startServer(program, ['-host', '127.0.0.1', '-port', String(port)], { logFile })
  const url = `http://127.0.0.1:${port}`
  await untilReady(server, logFile, READY_TIMEOUT_MS, async () => (await fetch(`${url}/version`)).ok)
  return { ...server, url }
}
