import { X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Operations } from '../operations/operations.ts'
import type { GatewayCredentials } from '../simulator/gateway-link.ts'
import { factoryPlan } from '../simulator/plan.ts'
import { prepareCredentialsFolder } from './write-credentials.ts'

/** Keeps simulated gateways apart from real ones, whose certificates they must never end. */
const ID_PREFIX = 'sim-'
const KEPT_DAYS_MIN = 1

export interface SimulatedGateways {
  readonly caPem: string
  readonly gateways: readonly GatewayCredentials[]
}

export interface SimulatedOptions {
  readonly tenant: string
  readonly count: number
  /** Keeps the certificates here, so that a later run uses the same ones; without it they live in memory only. */
  readonly folder?: string | undefined
  readonly nowMs: number
}

/** Enrols the gateways of a simulated factory, or gives those that exist a new certificate. */
export async function enrolSimulated(operations: Operations, options: SimulatedOptions): Promise<SimulatedGateways> {
  const plan = factoryPlan({ gateways: options.count })
  const gateways: GatewayCredentials[] = []
  let caPem = ''
  for (const planned of plan.gateways) {
    const gateway = `${ID_PREFIX}${planned.gateway}`
    const credentials = (await readKept(options, gateway)) ?? (await issue(operations, options, gateway))
    caPem = credentials.caPem
    gateways.push({ tenant: options.tenant, gateway, ...credentials })
  }
  return { caPem, gateways }
}

interface Credentials {
  readonly caPem: string
  readonly certificatePem: string
  readonly privateKeyPem: string
}

async function issue(operations: Operations, { tenant, folder }: SimulatedOptions, gateway: string): Promise<Credentials> {
  const place = folder === undefined ? undefined : join(folder, gateway)
  const target =
    place === undefined ? undefined : await prepareCredentialsFolder({ folder: place, withKey: true, mayOverwrite: true })
  const issued = await operations.call('gateways.enrol', { tenant, gateway }).catch((error: unknown) => {
    const isEnrolled = error instanceof MillraceError && error.code === 'gateway.exists'
    if (isEnrolled) return operations.call('gateways.rotate', { tenant, gateway })
    throw error
  })
  const { caPem, certificatePem, privateKeyPem = '' } = issued
  await target?.write({ caPem, certificatePem, privateKeyPem })
  return { caPem, certificatePem, privateKeyPem }
}

/** @returns undefined when there are none, or they are another gateway's, or they end within a day. */
async function readKept({ tenant, folder, nowMs }: SimulatedOptions, gateway: string): Promise<Credentials | undefined> {
  if (folder === undefined) return undefined
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    const [caPem, certificatePem, privateKeyPem] = await Promise.all([
      readFile(join(folder, gateway, 'ca.pem'), 'utf8'),
      readFile(join(folder, gateway, 'cert.pem'), 'utf8'),
      readFile(join(folder, gateway, 'key.pem'), 'utf8'),
    ])
    const certificate = new X509Certificate(certificatePem)
    const isSame =
      certificate.subject.split('\n').includes(`CN=${gateway}`) && certificate.subject.split('\n').includes(`O=${tenant}`)
    const lastsMs = certificate.validToDate.getTime() - nowMs
    const isSigned = certificate.verify(new X509Certificate(caPem).publicKey)
    return isSame && isSigned && lastsMs > KEPT_DAYS_MIN * 86_400_000 ? { caPem, certificatePem, privateKeyPem } : undefined
  } catch {
    return undefined
  }
}
