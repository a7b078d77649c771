// Goal: every alert fires on what it is for, names figures that exist, and tells whoever is woken what to do.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { needs } from '../programs.ts'
import { at, fieldsOf, listOf, parseYaml, read, readAlerts, textOf } from './read-deploy.ts'

const run = promisify(execFile)
const alerts = readAlerts()
const page = read('docs/reference/alerts.md')
const skip = needs('promtool')

t.test('every alert has a severity, a summary, and a page that says cause, check and fix', async (t) => {
  t.ok(alerts.length > 15, `${alerts.length} alerts`)
  for (const { name, severity, summary, runbook } of alerts) {
    t.match(severity, /^(critical|warning)$/, name)
    t.match(summary, /^.{20,160}\.$/, name)
    t.equal(runbook, `docs/reference/alerts.md#${name.toLowerCase()}`)
    const section = page.split(/^## /m).find((text) => text.startsWith(`${name}\n`)) ?? ''
    t.match(section, new RegExp(`\\*${severity}\\*\\. .+\\*\\*Check\\.\\*\\*.+\\*\\*Fix\\.\\*\\*`, 's'), name)
  }
  const headings = [...page.matchAll(/^## (\w+)$/gm)].map(([, name]) => name)
  t.same(
    headings,
    [...new Set(headings)].filter((name) => alerts.some((alert) => alert.name === name)),
    'no page is left over',
  )
})

t.test('every metric that alerts and dashboards name exists', async (t) => {
  const known = knownMetrics()
  const expressions = [...alerts.map(({ expression }) => expression), ...dashboardExpressions()]
  for (const expression of expressions)
    for (const metric of metricsIn(expression)) t.ok(known.has(metric.replace(/_bucket$/, '')), `${metric} in ${expression}`)
  t.same(metricsIn('sum by (le) (rate(ingest_nothing_total{outcome="x"}[5m]))'), ['ingest_nothing_total'], 'names are found')
  t.notOk(known.has('ingest_nothing_total'), 'and one that is not there is not known')
})

t.test('every part has a dashboard panel and is scraped', async (t) => {
  const jobs = listOf(parseYaml(read('deploy/prometheus/prometheus.yml')).scrape_configs).map((job) =>
    textOf(fieldsOf(job).job_name),
  )
  t.same(jobs, ['ingest', 'process', 'serve', 'balancer', 'influxdb', 'prometheus'])
  for (const prefix of ['ingest_', 'bridge_', 'process_', 'query_api_'])
    t.ok(
      dashboardExpressions().some((text) => text.includes(prefix)),
      prefix,
    )
})

t.test('the dashboard asks the data source that is set up', async (t) => {
  const [source] = listOf(parseYaml(read('deploy/grafana/provisioning/datasources/prometheus.yml')).datasources).map(fieldsOf)
  const panels = listOf(JSON.parse(read('deploy/grafana/dashboards/millrace.json')).panels).map(fieldsOf)
  t.ok(panels.every(({ datasource }) => fieldsOf(datasource).uid === source?.uid))
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'panels have ids of their own')
})

t.test('Prometheus reads rules and configuration', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-prometheus-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const rules = at('deploy/prometheus/rules')
  const config = read('deploy/prometheus/prometheus.yml')
    .replaceAll('/certificates/ca.pem', join(folder, 'ca.pem'))
    .replace('rules/*.yml', `${rules}/*.yml`)
  await writeFile(join(folder, 'ca.pem'), '')
  await writeFile(join(folder, 'prometheus.yml'), config)
  await t.resolves(run('promtool', ['check', 'config', join(folder, 'prometheus.yml')]))
})

t.test('every alert fires on its fault, and none while all is well', { skip }, async (t) => {
  await t.resolves(run('promtool', ['test', 'rules', at('test/deploy/alerts.promtool.yml')]))
  const tested = read('test/deploy/alerts.promtool.yml')
  for (const { name } of alerts) t.match(tested, name, `${name} has a test`)
})

/** Of this project, and of the programs beside it whose names are as good as a contract. */
function knownMetrics(): ReadonlySet<string> {
  const own = [...read('docs/reference/metrics.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name)
  const others = ['up', 'ALERTS', 'haproxy_backend_active_servers']
  const runtime = ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds']
  return new Set([...own, ...others, ...runtime])
}

function metricsIn(expression: string): readonly string[] {
  const bare = expression.replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"|\b(by|without|on|ignoring) *\([^)]*\)/g, ' ')
  const words = bare.match(/[A-Za-z_:][\w:]*(?! *\()/g) ?? []
  const keywords = new Set(['and', 'or', 'unless', 'offset', 'by', 'm', 'vector'])
  return words.filter((word) => !keywords.has(word) && new RegExp(`\\b${word}\\b(?! *\\()`).test(bare))
}

function dashboardExpressions(): readonly string[] {
  const panels = listOf(JSON.parse(read('deploy/grafana/dashboards/millrace.json')).panels)
  return panels.flatMap((panel) => listOf(fieldsOf(panel).targets).map((target) => textOf(fieldsOf(target).expr)))
}
