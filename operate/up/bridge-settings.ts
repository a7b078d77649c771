import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BridgeConfig } from '../../ingest/config.ts'
import type { BridgeSettings } from '../../ingest/service.ts'
import { writeFileDurably } from '../../platform/runtime/write-file.ts'
import { readNamed, readRoots } from './read-named.ts'

/** @returns undefined where there is no bridge. @throws {MillraceError} `config.invalid` when a file can't be read. */
export async function readBridgeSettings(folder: string, config: BridgeConfig): Promise<BridgeSettings | undefined> {
  const { MILLRACE_BRIDGE_URL: url } = config
  if (url === undefined) return undefined
  const file = (variable: `MILLRACE_BRIDGE_${'CERT' | 'KEY' | 'PASSWORD'}_FILE`) => readNamed(variable, config[variable])
  const caPem = readRoots('MILLRACE_BRIDGE_CA_FILE', config.MILLRACE_BRIDGE_CA_FILE)
  const certificatePem = file('MILLRACE_BRIDGE_CERT_FILE')
  const privateKeyPem = file('MILLRACE_BRIDGE_KEY_FILE')
  const password = file('MILLRACE_BRIDGE_PASSWORD_FILE')?.trimEnd()
  const username = config.MILLRACE_BRIDGE_USERNAME
  return {
    group: config.MILLRACE_BRIDGE_GROUP,
    trustsTopics: config.MILLRACE_BRIDGE_TRUSTS_TOPICS === 'yes',
    connection: {
      url,
      clientId: config.MILLRACE_BRIDGE_CLIENT_ID ?? (await keepClientId(folder)),
      protocol: config.MILLRACE_BRIDGE_PROTOCOL,
      inFlight: {
        messagesMax: config.MILLRACE_BRIDGE_IN_FLIGHT_MAX,
        bytesMax: config.MILLRACE_BRIDGE_IN_FLIGHT_BYTES_MAX,
      },
      ...(caPem !== undefined && { caPem }),
      ...(certificatePem !== undefined && { certificatePem }),
      ...(privateKeyPem !== undefined && { privateKeyPem }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    },
  }
}

/** The broker keeps what was not acknowledged under this name: a bridge that came back under another would never get it. */
async function keepClientId(folder: string): Promise<string> {
  const path = join(folder, 'bridge-client-id')
  const kept = (await readFile(path, 'utf8').catch(() => '')).trim()
  if (kept !== '') return kept
  const made = `millrace-${randomBytes(6).toString('hex')}`
  await writeFileDurably(path, `${made}\n`, 0o600)
  return made
}
