import { connectAsync, type MqttClient } from 'mqtt'
import type { Test } from 'tap'
import { readUpSettings } from '../../../operate/up/settings.ts'
import { startUp, type Up } from '../../../operate/up/start.ts'
import { createLogger } from '../../../platform/runtime/log.ts'
import type { Environment } from '../../../platform/runtime/read-config.ts'
import { readingsTopic } from '../../../schemas/topics.ts'
import { until } from '../../unit/sqlite-log/open-log.ts'

const DAY_MS = 86_400_000
const logFor = (part: string) => createLogger({ level: 'silent', part, isPretty: false })

/** The whole product in this process, on free ports of the loopback address. */
export async function startProduct(t: Test, folder: string, environment: Environment = {}) {
  const settings = readUpSettings({
    MILLRACE_MQTT_HOST: '127.0.0.1',
    MILLRACE_MQTT_PORT: '0',
    MILLRACE_HTTP_PORT: '0',
    MILLRACE_METRICS_PORT: '0',
    MILLRACE_LOG_LEVEL: 'silent',
    ...environment,
  })
  const onDeath = (error: Error) => t.fail('a thread ended by itself', { error })
  const up = await startUp({ folder, settings, logFor, isPretty: false, onDeath })
  t.teardown(up.stop)
  return up
}

export async function addTenant({ operations }: Up, tenant: string): Promise<void> {
  await operations.call('tenants.add', { tenant, name: `${tenant} Ltd` })
}

/** A program of a tenant's: it asks the API with a token of its own. */
export async function createProgram({ operations, apiUrl }: Up, tenant: string) {
  const scopes = ['read', 'diagnose']
  const { secret } = await operations.call('tokens.create', { tenant, scopes, label: 'test', expiresInMs: DAY_MS })
  async function get(path: string) {
    const response = await fetch(new URL(path, apiUrl), { headers: { authorization: `Bearer ${secret}` } })
    const body: unknown = await response.json()
    return { status: response.status, body }
  }
  return {
    get,
    /** Asks again and again until the answer says all of these. */
    async getUntil(path: string, ...words: readonly string[]) {
      let body: unknown
      await until(async () => {
        body = (await get(path)).body
        const text = JSON.stringify(body)
        return words.every((word) => text.includes(word))
      })
      return body
    },
  }
}

export interface Gateway {
  readonly client: MqttClient
  /** Resolves when it is acknowledged. */
  publish(payload: object | Buffer): Promise<void>
}

/** A gateway that is enrolled and connected, with MQTT 3.1.1 over TLS 1.3. */
export async function connectGateway(
  t: Test,
  { operations, mqttPort, rootPem }: Up,
  name: { tenant: string; gateway: string },
): Promise<Gateway> {
  const { certificatePem, privateKeyPem = '' } = await operations.call('gateways.enrol', name)
  const client = await connectAsync({
    protocol: 'mqtts',
    host: '127.0.0.1',
    port: mqttPort,
    servername: 'localhost',
    ca: rootPem,
    cert: certificatePem,
    key: privateKeyPem,
    clientId: name.gateway,
    protocolVersion: 4,
    reconnectPeriod: 0,
  })
  t.teardown(() => client.endAsync(true))
  return {
    client,
    async publish(payload) {
      await client.publishAsync(readingsTopic(name), payload instanceof Buffer ? payload : JSON.stringify(payload), { qos: 1 })
    },
  }
}
