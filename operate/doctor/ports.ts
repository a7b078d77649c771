import { createServer } from 'node:net'
import { type Finding, fail, ok } from './finding.ts'

export interface PortPlan {
  readonly name: string
  readonly port: number
  /** The variable that moves it. */
  readonly variable: string
}

export type PortState = 'free' | 'taken' | 'forbidden'

export interface PortUse {
  readonly state: PortState
  /** The running Millrace says that it listens there. */
  readonly isOurs: boolean
}

export function checkPort({ name, port, variable }: PortPlan, { state, isOurs }: PortUse): Finding {
  const check = `port ${port} (${name})`
  if (isOurs && state === 'taken') return ok(check, 'in use by the running Millrace')
  if (isOurs) return fail(check, 'the running Millrace should listen here, but nothing does', 'See its log, and restart it.')
  if (state === 'free') return ok(check, 'free')
  if (state === 'forbidden')
    return fail(check, 'this user may not open it', `Ports below 1024 are root's: choose a higher one with ${variable}.`)
  return fail(
    check,
    'taken by another program',
    `See which: ss -ltnp 'sport = :${port}'. Stop it, or choose another port with ${variable}.`,
  )
}

/** Tries the port on the loopback address, which meets a listener on any address of it. */
export function probePort(port: number): Promise<PortState> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EACCES' ? 'forbidden' : 'taken'))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve('free')))
  })
}
