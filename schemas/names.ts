/**
 * The grammar of names. Names cross every border (topics, keys, tags, URLs, file names), so they are ASCII, short, and
 * without any character that means something to MQTT (`+ # /`), Kafka, InfluxDB, SQL, a shell or a URL.
 */
export const TENANT_PATTERN = '^[a-z0-9][a-z0-9-]{0,62}$'
export const GATEWAY_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'
export const SENSOR_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'
/** Snake case with the unit last: `power_w`, `energy_wh`, `temperature_c`. */
export const METRIC_PATTERN = '^[a-z][a-z0-9_]{0,63}$'

export const TENANT_RULE = 'lower-case letters, digits and hyphens, at most 63, starting with a letter or digit'
export const GATEWAY_RULE = 'letters, digits, dots, hyphens and underscores, at most 64, starting with a letter or digit'
export const SENSOR_RULE = 'letters, digits, dots, hyphens and underscores, at most 128, starting with a letter or digit'
export const METRIC_RULE = 'lower-case letters, digits and underscores, at most 64, starting with a letter'

const tenant = new RegExp(TENANT_PATTERN)
const gateway = new RegExp(GATEWAY_PATTERN)
const sensor = new RegExp(SENSOR_PATTERN)
const metric = new RegExp(METRIC_PATTERN)

export const isTenantId = (text: string): boolean => tenant.test(text)
export const isGatewayId = (text: string): boolean => gateway.test(text)
export const isSensorId = (text: string): boolean => sensor.test(text)
export const isMetricName = (text: string): boolean => metric.test(text)
