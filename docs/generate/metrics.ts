import { Registry } from 'prom-client'
import { code, type Page, page, table } from './markdown.ts'
import { isRecord, type LoadedModule, loadModules, PRODUCT_FOLDERS } from './modules.ts'

export async function metricsPage(): Promise<Page> {
  const modules = await loadModules(`${PRODUCT_FOLDERS}/**/metrics.ts`, /./)
  return page('docs/reference/metrics.md', {
    title: 'Metrics',
    source: 'the metrics.ts of each part',
    blocks: [
      'In the Prometheus text format at `http://127.0.0.1:$MILLRACE_METRICS_PORT/metrics`, on the loopback address only. Labels are closed ' +
        'sets: tenants, gateways and sensors are never in them. Every process also has the metrics of prom-client itself (`process_…`, `nodejs_…`).',
      ...modules.flatMap(blocksOf),
    ],
  })
}

function blocksOf({ path, exports }: LoadedModule): readonly string[] {
  const registry = new Registry()
  for (const [name, exported] of Object.entries(exports)) {
    if (/^create\w*Metrics$/.test(name) && typeof exported === 'function') exported(registry)
  }
  const rows = registry.getMetricsAsArray().map((metric) => [code(metric.name), kindOf(metric), labelsOf(metric), metric.help])
  return [`## ${path}`, table(['metric', 'kind', 'labels', 'what it counts'], rows)]
}

/** prom-client keeps both in the metric, but not in its types. */
function kindOf(metric: object): string {
  return metric.constructor.name.toLowerCase()
}

function labelsOf(metric: object): string {
  const labels = isRecord(metric) ? metric.labelNames : undefined
  return Array.isArray(labels) ? labels.map((label) => code(String(label))).join(', ') : ''
}
