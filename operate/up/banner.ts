import { VERSION } from '../output/version.ts'
import { DEMO_SENSOR } from './demo.ts'
import type { Up } from './start.ts'

export interface BannerFacts {
  readonly up: Up
  readonly folder: string
  /** Of the demo; absent without it. */
  readonly token?: string
  readonly bold: (text: string) => string
}

/** Where everything is, and what to do first: what a newcomer reads before anything else. */
export function banner({ up, folder, token, bold }: BannerFacts): string {
  const { apiUrl, mqttPort, metricsUrl } = up
  const places = [
    `  ${bold('API')}      ${apiUrl}/docs`,
    `  ${bold('MQTT')}     mqtts://localhost:${mqttPort}   (TLS 1.3, client certificates)`,
    `  ${bold('Metrics')}  ${metricsUrl}`,
    `  ${bold('Data')}     ${folder}`,
  ]
  return [
    '',
    bold(`Millrace ${VERSION} is running.`),
    '',
    ...places,
    '',
    ...(token === undefined ? [] : demo(apiUrl, token, bold)),
    ...firstGateway(bold),
    '',
  ].join('\n')
}

function demo(apiUrl: string, token: string, bold: (text: string) => string): readonly string[] {
  return [
    bold('Look at the demo factory, live:'),
    `  curl -s -H "Authorization: Bearer ${token}" ${apiUrl}/v1/sensors/${DEMO_SENSOR}/latest`,
    '',
  ]
}

function firstGateway(bold: (text: string) => string): readonly string[] {
  return [
    bold('Let your first real gateway in (in another terminal):'),
    '  npx millrace tenants add acme --name "Acme BV"',
    '  npx millrace gateways enrol gw-1 --tenant acme --out ./gw-1',
    '  npx millrace tokens create --tenant acme --scope read',
    '  docs/tutorial/first-gateway.md goes on from there.',
    '',
    'Without the demo: npm start -- --no-demo     To stop: Ctrl-C',
  ]
}
