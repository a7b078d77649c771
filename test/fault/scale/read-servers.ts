import { setTimeout } from 'node:timers/promises'
import { Kafka, logLevel } from 'kafkajs'
import { READINGS_TOPIC, REJECTED_TOPIC } from '../../../schemas/topics.ts'
import type { CommittedOffset } from '../check/check-offsets.ts'
import type { SeenRow } from '../check/check-readings.ts'
import type { Servers } from './servers.ts'

const GROUPS = [
  { group: 'millrace.store', topic: READINGS_TOPIC },
  { group: 'millrace.rejections', topic: REJECTED_TOPIC },
] as const

const ATTEMPTS = 20
const AGAIN_AFTER_MS = 500

/** How far each consumer group is, as Kafka tells anybody. A broker that was just started may need some time for it. */
export async function readOffsets(brokers: string): Promise<readonly CommittedOffset[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readOnce(brokers)
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await setTimeout(AGAIN_AFTER_MS)
    }
  }
}

async function readOnce(brokers: string): Promise<readonly CommittedOffset[]> {
  const admin = new Kafka({ brokers: [brokers], clientId: 'checker', logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const found: CommittedOffset[] = []
    for (const { group, topic } of GROUPS) {
      // The ends last: what is committed meanwhile would be beyond an end that was read before.
      const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
      const ends = await admin.fetchTopicOffsets(topic)
      for (const { partition, offset } of committed?.partitions ?? []) {
        const end = Number(ends.find((one) => one.partition === partition)?.offset ?? 0)
        if (offset !== '-1') found.push({ group, topic, partition, committed: Number(offset), end })
      }
    }
    return found
  } finally {
    await admin.disconnect()
  }
}

/** Every point of the bucket, asked of InfluxDB as its owner, put together from its fields by nothing of ours but the names. */
export async function readPoints({ influx }: Servers, bucket: string): Promise<readonly SeenRow[]> {
  const response = await fetch(`${influx.url}/api/v2/query?org=${influx.org}`, {
    method: 'POST',
    headers: { authorization: `Token ${influx.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      query: `from(bucket: "${bucket}") |> range(start: 0, stop: 2100-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == "reading") |> keep(columns: ["tenant", "sensor", "_time", "_field", "_value"])`,
      dialect: { header: true, annotations: [] },
    }),
  })
  if (!response.ok) throw new Error(`InfluxDB answers ${response.status}: ${await response.text()}`)
  const rows = new Map<string, { row: SeenRow & { values: Map<string, number> }; sequence?: number }>()
  let columns: readonly string[] = []
  for (const line of (await response.text()).split('\r\n')) {
    if (line === '') continue
    const cells = line.split(',')
    if (cells.includes('_field')) {
      columns = cells
      continue
    }
    const cell = (name: string): string => cells[columns.indexOf(name)] ?? ''
    const timestampMs = Date.parse(cell('_time'))
    const key = `${cell('tenant')}/${cell('sensor')}/${timestampMs}`
    const known = rows.get(key) ?? {
      row: {
        tenant: cell('tenant'),
        sensor: cell('sensor'),
        timestampMs,
        sequence: undefined,
        values: new Map<string, number>(),
      },
    }
    rows.set(key, known)
    const field = cell('_field')
    if (field.startsWith('$')) known.sequence = Number(cell('_value'))
    else if (!field.startsWith('#')) known.row.values.set(field, Number(cell('_value')))
  }
  return [...rows.values()].map(({ row, sequence }) => ({ ...row, sequence }))
}
