// What the container's health check runs: asks this container's own /readyz, and ends with 0 when it is ready.
import { readFileSync } from 'node:fs'
import { request } from 'node:https'

const TIMEOUT_MS = 4_000
const { MILLRACE_METRICS_PORT: port = '9464', MILLRACE_METRICS_CERT_FILE: certFile = '' } = process.env

// The very certificate that the listener was given is the one it must show.
const ca = readFileSync(certFile)
const options = { host: '127.0.0.1', port, path: '/readyz', servername: 'localhost', ca, allowPartialTrustChain: true }
request({ ...options, agent: false, timeout: TIMEOUT_MS }, (response) => {
  response.pipe(process.stdout)
  process.exitCode = response.statusCode === 200 ? 0 : 1
})
  .once('timeout', () => end('no answer in time'))
  .once('error', (error) => end(error.message))
  .end()

function end(why: string): void {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}
