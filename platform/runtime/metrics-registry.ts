import { AggregatorRegistry, collectDefaultMetrics, type MetricObjectWithValues, type MetricValue, Registry } from 'prom-client'

/** Where the metrics of one thread are kept. Parts take it from here, and name prom-client in their metrics.ts only. */
export type MetricsRegistry = Registry

/** All metrics of one thread, in a form that can be sent to another. */
export type MetricsSnapshot = readonly MetricObjectWithValues<MetricValue<string>>[]

/** How finely the lag of the event loop is sampled, in milliseconds. */
const LOOP_LAG_RESOLUTION_MS = 10

/** A registry for the main thread: with the process's own figures (memory, CPU, open files, garbage collection, lag of the event loop). */
export function createProcessRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LAG_RESOLUTION_MS })
  return registry
}

/** A registry for a worker thread: empty, because the process is counted once, by the main thread. */
export function createThreadRegistry(): Registry {
  return new Registry()
}

/** What a worker thread hands over when it is asked for its metrics. */
export async function snapshotMetrics(registry: Registry): Promise<MetricsSnapshot> {
  return registry.getMetricsAsJSON()
}

/** Adds up the metrics of several threads; series of the same name and labels become one. @returns Prometheus text. */
export async function mergeMetrics(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  const copies = snapshots.map((snapshot) => [...snapshot])
  return AggregatorRegistry.aggregate(copies).metrics()
}
