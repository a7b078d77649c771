import { DEPTH_MAX, MESSAGE_BYTES_MAX, READINGS_MAX, readingSchema, VALUES_MAX } from '../../schemas/message.ts'
import { GATEWAY_RULE, METRIC_RULE, SENSOR_RULE, TENANT_RULE } from '../../schemas/names.ts'
import { QUALITIES, TIME_SOURCES } from '../../schemas/reading.ts'
import { downPrefix, LOG_TOPICS, readingsTopic } from '../../schemas/topics.ts'
import { code, type Page, page, table } from './markdown.ts'

const EXAMPLE = `{
  "readings": [
    { "sensor": "press-1", "ts": 1764000000000, "values": { "power_w": 1234.5, "energy_wh": 998877 } },
    { "sensor": "press-2", "values": { "temperature_c": 41.5 }, "quality": "uncertain", "seq": 17 }
  ]
}`

const FIELDS: Readonly<Record<keyof typeof readingSchema.properties, string>> = {
  sensor: `The sensor: ${SENSOR_RULE}.`,
  ts: 'Epoch milliseconds, UTC. Left out, it is the time of receipt, and the reading says so.',
  quality: `${QUALITIES.map(code).join(', ')}. Left out, it is ${code('good')}. It holds for each value of the reading.`,
  seq: 'A whole number that the sensor counts up, so that gaps can be found.',
  values: `Value by metric, at least one and at most ${count(VALUES_MAX)}. A value is a finite number. A metric's name: ${METRIC_RULE}.`,
}

export function messagePage(): Page {
  const name = { tenant: '{tenant}', gateway: '{gateway}' }
  const required: readonly string[] = readingSchema.required
  return page('docs/reference/message.md', {
    title: 'Message, topics and limits',
    source: 'schemas/message.ts, schemas/names.ts and schemas/topics.ts',
    blocks: [
      '## Over MQTT',
      'MQTT 3.1.1 over TLS 1.3 with a client certificate, port 8883. The subject of the certificate is CN = gateway id, O = tenant id; the client id ' +
        'is the gateway id, or `tenant/gateway`.',
      table(
        ['topic', 'what for'],
        [
          [
            code(readingsTopic(name)),
            'The gateway publishes its readings here, with QoS 1 (or 0, and then nothing is promised). Never retained.',
          ],
          [code(`${downPrefix(name)}#`), 'The gateway may subscribe here, and nowhere else.'],
        ],
      ),
      `A tenant's id: ${TENANT_RULE}. A gateway's id: ${GATEWAY_RULE}.`,
      'PUBACK means: the message is durable. Without it, send again; doing so is harmless, because a reading is known by tenant, ' +
        'sensor, metric and time.',
      '## Payload',
      `JSON (RFC 8259, UTF-8), plain or gzip:\n\n\`\`\`json\n${EXAMPLE}\n\`\`\``,
      table(
        ['field of a reading', 'required', 'meaning'],
        Object.entries(FIELDS).map(([field, text]) => [code(field), required.includes(field) ? 'yes' : 'no', text]),
      ),
      'Any other field, and a key that an object names twice, is refused: see the [rejection reasons](rejection-reasons.md).',
      '## Limits',
      table(
        ['limit', 'value'],
        [
          ['payload, before and after inflating', `${count(MESSAGE_BYTES_MAX)} bytes`],
          ['readings a message', count(READINGS_MAX)],
          ['values a reading', count(VALUES_MAX)],
          ['nesting', `${DEPTH_MAX} levels`],
        ],
      ),
      '## In the event log',
      `Topics: ${LOG_TOPICS.map(code).join(', ')}. The key of a record is \`tenant/gateway\`, so that what a gateway sends stays in order. ` +
        `Whose clock gave a reading its time: ${TIME_SOURCES.map(code).join(', ')}.`,
    ],
  })
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}
