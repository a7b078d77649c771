import { MillraceError } from '../../platform/runtime/errors.ts'
import { connectAdmin } from '../admin/connect-admin.ts'
import { clockStepMs, type ProcessDescription } from '../admin/process-description.ts'
import { adminSocketPath } from '../admin/socket-path.ts'
import type { OpenDirect } from '../commands/reach.ts'
import { createOperations, type ResultOf } from '../operations/operations.ts'
import { VERSION } from '../output/version.ts'
import { checkEnd, checkGateways, checkServerCertificate } from './certificates.ts'
import { checkClock, readReferenceTime } from './clock.ts'
import { attempt, type Finding, isUnchecked } from './finding.ts'
import { checkFileSystem, checkFolder, checkSpace, readDisk, readFolder } from './folder.ts'
import { checkMemory, checkNodeVersion, checkOpenFiles, readMemory, readOpenFilesLimit } from './machine.ts'
import { checkPort, type PortPlan, probePort } from './ports.ts'
import { checkReadiness, checkRunning, readReadiness } from './process.ts'
import { CHECKED_BYTES_MAX, checkStore, type StoreCheck } from './stores.ts'

export interface ExamineOptions {
  /** Absolute. */
  readonly folder: string
  readonly ports: readonly PortPlan[]
  readonly openDirect: OpenDirect
  readonly checkStores: StoreCheck
  readonly clock: () => number
  /** Read store files of any size as a whole. */
  readonly isThorough: boolean
  /** Compare the clock with the Date header of this web server. */
  readonly timeFrom?: string | undefined
}

type Inspection = ResultOf['stores.inspect']

/** Everything that `millrace doctor` looks at, in the order in which it is shown. Changes nothing. */
export async function examine(options: ExamineOptions): Promise<readonly Finding[]> {
  const { folder, clock } = options
  const running = await readRunning(folder)
  const description = typeof running === 'object' ? running : undefined
  const files = running === undefined ? await examineFiles(options) : []
  // Opening the stores may change them, so it is left alone where they aren't there, or are damaged.
  const mayOpen = files.length > 0 && files.every(({ state }) => state !== 'fail')
  const inspected =
    description !== undefined || mayOpen ? await attempt('stores', () => inspect(options, description)) : undefined
  const known = inspected === undefined || isUnchecked(inspected) ? undefined : inspected
  const ready = description === undefined ? [] : [await attempt('readiness', () => examineReadiness(description, known))]

  const findings: readonly (Finding | readonly Finding[])[] = [
    checkNodeVersion(process.versions.node),
    checkMemory(readMemory()),
    checkOpenFiles(await readOpenFilesLimit(), known?.gateways ?? 0),
    await attempt('clock', () => examineClock(options, description, known)),
    await attempt('data folder', async () => checkFolder(await readFolder(folder))),
    await attempt('disk space', () => examineDisk(folder)),
    files,
    inspected !== undefined && isUnchecked(inspected) ? inspected : [],
    checkRunning(running, VERSION),
    ready,
    await Promise.all(options.ports.map((plan) => examinePort(plan, description))),
    known === undefined ? [] : await examineCertificates(known, description, clock()),
  ]
  return findings.flat()
}

/** @returns undefined when nothing runs, and the error's words when something runs but doesn't answer. */
async function readRunning(folder: string): Promise<ProcessDescription | string | undefined> {
  try {
    const admin = await connectAdmin(adminSocketPath(folder))
    return await admin?.describe()
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

async function examineFiles({ folder, checkStores, isThorough }: ExamineOptions): Promise<readonly Finding[]> {
  const states = await attempt('store files', () => checkStores(folder, isThorough ? Infinity : CHECKED_BYTES_MAX))
  return isUnchecked(states) ? [states] : states.map(checkStore)
}

async function inspect({ folder, openDirect }: ExamineOptions, running?: ProcessDescription): Promise<Inspection> {
  if (running !== undefined) {
    const admin = await connectAdmin(adminSocketPath(folder))
    if (admin === undefined) throw new MillraceError('admin.unavailable', 'The running Millrace has just ended.')
    return await admin.call('stores.inspect', {})
  }
  const { ports, close } = await openDirect(folder)
  try {
    return await createOperations(ports).call('stores.inspect', {})
  } finally {
    await close()
  }
}

async function examineClock(
  { clock, timeFrom }: ExamineOptions,
  running?: ProcessDescription,
  known?: Inspection,
): Promise<Finding> {
  const referenceMs = timeFrom === undefined ? undefined : await readReferenceTime(timeFrom)
  const newest = known?.newestRecordAt
  return checkClock({
    nowMs: clock(),
    stepMs: running?.clockStepMs ?? clockStepMs(),
    newestRecordMs: newest === undefined ? undefined : Date.parse(newest),
    referenceMs,
  })
}

async function examineDisk(folder: string): Promise<readonly Finding[]> {
  const disk = await readDisk(folder)
  return [checkFileSystem(disk.type), checkSpace(disk)]
}

async function examineReadiness({ checks, listeners }: ProcessDescription, known?: Inspection): Promise<Finding> {
  const api = listeners.find(({ name }) => name === 'http')
  const status = api === undefined ? undefined : await readReadiness(reachable(api.url).href, known?.rootPem)
  return checkReadiness({ checks, status })
}

/** A port that the running process has taken is its own when it says so, or when it doesn't say where it listens. */
async function examinePort(plan: PortPlan, running?: ProcessDescription): Promise<Finding> {
  const state = await probePort(plan.port)
  const listeners = running?.listeners ?? []
  const isNamed = listeners.some(({ url }) => Number(new URL(url).port) === plan.port)
  return checkPort(plan, { state, isOurs: isNamed || (running !== undefined && listeners.length === 0 && state === 'taken') })
}

async function examineCertificates(
  known: Inspection,
  running: ProcessDescription | undefined,
  nowMs: number,
): Promise<readonly Finding[]> {
  const advice = 'Plan a new data folder, and enrol every gateway there: the root is what they trust.'
  const root = checkEnd({ name: 'root certificate', endMs: Date.parse(known.authorityEndsAt), nowMs, advice })
  const secure = (running?.listeners ?? []).filter(({ url }) => url.startsWith('mqtts:') || url.startsWith('https:'))
  const servers = secure.map(async ({ name, url }) => {
    const { hostname: host, port } = reachable(url)
    return checkServerCertificate({ name, host, port: Number(port || 443), rootPem: known.rootPem }, nowMs)
  })
  return [root, ...(await Promise.all(servers)), checkGateways(known, nowMs)]
}

/** A listener on all addresses is reached on the loopback one. */
function reachable(url: string): URL {
  return new URL(url.replace('//0.0.0.0', '//127.0.0.1').replace('//[::]', '//[::1]'))
}
