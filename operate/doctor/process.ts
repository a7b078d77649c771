import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import type { ProcessDescription } from '../admin/process-description.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const READY_TIMEOUT_MS = 5_000

/** Names of checks that speak of the running process; when only they fail, the exit code is 69 and not 78. */
export const RUNNING = 'running process'
export const READY = 'readiness'

/** @param process  What runs on the data folder; undefined for nothing, a text for something that doesn't answer. */
export function checkRunning(process: ProcessDescription | string | undefined, version: string): Finding {
  if (process === undefined) return ok(RUNNING, 'nothing runs on this data folder')
  if (typeof process === 'string') return fail(RUNNING, 'does not answer', process)
  const found = `process ${process.pid}, version ${process.version}, since ${process.startedAt.slice(0, 19)}Z`
  return process.version === version
    ? ok(RUNNING, found)
    : warn(RUNNING, found, `This command is version ${version}: restart Millrace.`)
}

export interface ReadinessState {
  readonly checks: ProcessDescription['checks']
  /** What /readyz answered: a status, or a text when it couldn't be asked. */
  readonly status: number | string | undefined
}

export function checkReadiness({ checks, status }: ReadinessState): Finding {
  const down = checks.filter(({ isReady }) => !isReady)
  if (down.length > 0) {
    const named = down.map(({ name, detail }) => (detail === undefined ? name : `${name} (${detail})`)).join(', ')
    return fail(READY, `not ready: ${named}`, 'Millrace acknowledges nothing meanwhile. See its log for the cause.')
  }
  if (status !== undefined && status !== 200) return fail(READY, `/readyz: ${status}`, 'See the log of the running Millrace.')
  const count = checks.length === 0 ? '' : ` (${checks.map(({ name }) => name).join(', ')})`
  return ok(READY, `ready${count}`)
}

/** @param url  Of the API; its certificate must come from our own root when it speaks TLS. */
export function readReadiness(url: string, rootPem: string | undefined): Promise<number | string> {
  const target = new URL('/readyz', url)
  return new Promise((resolve) => {
    const options = { timeout: READY_TIMEOUT_MS, agent: false }
    const asking =
      target.protocol === 'https:'
        ? tlsRequest(target, { ...options, ...(rootPem === undefined ? {} : { ca: rootPem }) })
        : plainRequest(target, options)
    asking.once('response', (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    asking.once('timeout', () => asking.destroy(new Error(`no answer within ${READY_TIMEOUT_MS / 1_000} s`)))
    asking.once('error', (error) => resolve(error.message))
    asking.end()
  })
}
