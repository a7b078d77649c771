import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type OperateConfig, readOperateConfig } from '../config.ts'
import type { Finding } from '../doctor/finding.ts'
import type { StoreCheck } from '../doctor/stores.ts'
import type { Operations } from '../operations/operations.ts'
import { createOutput, type Output, type Streams } from '../output/output.ts'
import { type OpenDirect, reachOperations } from './reach.ts'

/** Adds a command that only the composition root can build, such as `up`. */
export type AddCommand = (program: Command, cli: Cli) => void

export interface CliDependencies {
  readonly openDirect: OpenDirect
  /** Looks for damage in the store files of a folder that nothing runs on. */
  readonly checkStores: StoreCheck
  /** Makes what is missing outside of the data folder, and says what it found. */
  readonly fix: () => Promise<readonly Finding[]>
  readonly addCommands: readonly AddCommand[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly streams: Streams
  /** Epoch milliseconds, UTC. */
  readonly clock: () => number
}

export interface GlobalFlags {
  readonly json?: boolean
  readonly dataDir?: string
  readonly color?: boolean
}

export interface Settings {
  readonly config: OperateConfig
  /** Absolute. */
  readonly folder: string
  readonly output: Output
}

export interface Session extends Settings {
  readonly operations: Operations
  /** False when a running process does the work. */
  readonly isDirect: boolean
  /** Where gateways connect: the port that the running process has, or will have. */
  mqttPort(): Promise<number>
}

/** What every command gets. */
export interface Cli {
  readonly dependencies: CliDependencies
  settings(command: Command): Settings
  /** Reaches the running process, or the stores, for as long as `work` lasts. */
  withOperations<T>(command: Command, work: (session: Session) => Promise<T>, options?: { mayCreate: boolean }): Promise<T>
}

export function createCli(dependencies: CliDependencies): Cli {
  const { openDirect, environment, streams } = dependencies

  function settings(command: Command): Settings {
    const flags = command.optsWithGlobals<GlobalFlags>()
    const config = readOperateConfig(environment)
    const output = createOutput(streams, { isJson: flags.json === true, isColoured: isColoured(flags, environment, streams) })
    return { config, folder: resolve(flags.dataDir ?? config.MILLRACE_DATA_DIR), output }
  }

  return {
    dependencies,
    settings,
    async withOperations(command, work, { mayCreate } = { mayCreate: false }) {
      const set = settings(command)
      const { operations, isDirect, describe, close } = await reachOperations({ folder: set.folder, openDirect, mayCreate })
      async function mqttPort(): Promise<number> {
        const url = (await describe())?.listeners.find(({ name }) => name === 'mqtt')?.url
        return url === undefined ? set.config.MILLRACE_MQTT_PORT : Number(new URL(url).port)
      }
      try {
        return await work({ ...set, operations, isDirect, mqttPort })
      } finally {
        await close()
      }
    },
  }
}

/** Colours are for terminals, unless NO_COLOR (no-color.org) or `--no-color` says otherwise. */
export function isColoured(
  flags: GlobalFlags,
  environment: CliDependencies['environment'],
  { stdout, stderr }: Streams,
): boolean {
  const isWanted = flags.color !== false && (environment.NO_COLOR ?? '') === '' && environment.TERM !== 'dumb'
  return isWanted && stdout.isTTY === true && stderr.isTTY === true
}
