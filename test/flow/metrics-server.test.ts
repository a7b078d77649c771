import { request } from 'node:http'
import { Counter, Gauge } from 'prom-client'
import t, { type Test } from 'tap'
import {
  createProcessRegistry,
  createThreadRegistry,
  type MetricsSnapshot,
  snapshotMetrics,
} from '../../platform/runtime/metrics-registry.ts'
import { startMetricsServer } from '../../platform/runtime/metrics-server.ts'

async function start(t: Test, gather?: () => Promise<readonly MetricsSnapshot[]>) {
  const registry = createProcessRegistry()
  const accepted = new Counter({
    name: 'ingest_messages_total',
    help: 'Messages.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  accepted.inc({ outcome: 'accepted' }, 2)
  const server = await startMetricsServer({ registry, port: 0, ...(gather && { gather }) })
  t.teardown(() => server.stop())
  return server
}

/** A thread's registry with the same counter and a gauge of its own. */
async function threadSnapshot(accepted: number): Promise<MetricsSnapshot> {
  const registry = createThreadRegistry()
  const counter = new Counter({
    name: 'ingest_messages_total',
    help: 'Messages.',
    labelNames: ['outcome'],
    registers: [registry],
  })
  counter.inc({ outcome: 'accepted' }, accepted)
  new Gauge({ name: 'series_rows', help: 'Rows.', registers: [registry] }).set(7)
  return structuredClone(await snapshotMetrics(registry))
}

t.test('the metrics are served in the text format, with those of the process', async (t) => {
  const { url } = await start(t)
  const response = await fetch(url)
  const text = await response.text()
  t.equal(response.status, 200)
  t.match(response.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
  for (const name of [
    'ingest_messages_total{outcome="accepted"} 2',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
  ])
    t.ok(text.includes(name), name)
})

t.test('the metrics of other threads are added up with our own', async (t) => {
  const { url } = await start(t, async () => [await threadSnapshot(3), await threadSnapshot(5)])
  const text = await (await fetch(url)).text()
  t.match(text, /^ingest_messages_total\{outcome="accepted"\} 10$/m)
  t.match(text, /^series_rows 14$/m)
  t.equal(text.match(/^# TYPE ingest_messages_total/gm)?.length, 1)
  t.ok(text.includes('process_cpu_seconds_total'))
})

t.test('a thread that fails makes the scrape fail, and says nothing of why', async (t) => {
  const { url } = await start(t, async () => {
    throw new Error('secret place')
  })
  const response = await fetch(url)
  t.equal(response.status, 503)
  t.notMatch(await response.text(), /secret/)
})

t.test('there is nothing else to see, and nothing to change', async (t) => {
  const { url } = await start(t)
  t.equal((await fetch(new URL('/', url))).status, 404)
  t.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 405)
})

t.test('a page that gives loopback another name is turned away', async (t) => {
  const { url } = await start(t)
  const status = await new Promise((resolve, reject) => {
    request(url, { headers: { host: 'evil.example' } }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end()
  })
  t.equal(status, 421)
})

t.test('it refuses to listen where others could reach it', async (t) => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    await t.rejects(startMetricsServer({ registry: createProcessRegistry(), port: 0, host }), { code: 'config.invalid' })
  }
})

t.test('a port that is taken is named', async (t) => {
  const { url } = await start(t)
  const port = Number(new URL(url).port)
  await t.rejects(startMetricsServer({ registry: createProcessRegistry(), port }), {
    code: 'listener.unavailable',
    message: new RegExp(`${port}`),
  })
})
