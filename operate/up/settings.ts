import { type BridgeConfig, bridgeConfig, type IngestConfig, ingestConfig } from '../../ingest/config.ts'
import { type InfluxConfig, influxConfig } from '../../platform/adapters/influx/config.ts'
import { type KafkaConfig, kafkaConfig } from '../../platform/adapters/kafka/config.ts'
import { type PostgresConfig, postgresConfig } from '../../platform/adapters/postgres/config.ts'
import {
  createConfigReader,
  type Environment,
  findUnknown,
  readConfig,
  refuseProblems,
} from '../../platform/runtime/read-config.ts'
import { type QueryApiConfig, queryApiConfig } from '../../query-api/config.ts'
import { type ProcessConfig, processConfig } from '../../stream-processors/config.ts'
import { type OperateConfig, operateConfig } from '../config.ts'
import { type UpConfig, upConfig } from './config.ts'
import { type InfluxSettings, readInfluxSettings } from './influx-settings.ts'
import { type KafkaSettings, readKafkaSettings } from './kafka-settings.ts'
import { type PostgresSettings, readPostgresSettings } from './postgres-settings.ts'

export interface UpSettings {
  readonly ingest: IngestConfig
  readonly bridge: BridgeConfig
  readonly process: ProcessConfig
  readonly queryApi: QueryApiConfig
  readonly up: UpConfig
  /** Absent where the event log is the embedded one. */
  readonly kafka?: KafkaSettings
  /** Absent where the metadata store is the embedded one. */
  readonly postgres?: PostgresSettings
  /** Absent where the time-series store is the embedded one. */
  readonly influx?: InfluxSettings
}

const readers = {
  ingest: createConfigReader<IngestConfig>(ingestConfig),
  bridge: createConfigReader<BridgeConfig>(bridgeConfig),
  process: createConfigReader<ProcessConfig>(processConfig),
  queryApi: createConfigReader<QueryApiConfig>(queryApiConfig),
  up: createConfigReader<UpConfig>(upConfig),
  operate: createConfigReader<OperateConfig>(operateConfig),
  kafka: createConfigReader<KafkaConfig>(kafkaConfig),
  postgres: createConfigReader<PostgresConfig>(postgresConfig),
  influx: createConfigReader<InfluxConfig>(influxConfig),
}

/** The whole environment, once. @throws {MillraceError} `config.invalid`, with the problems of all parts together. */
export function readUpSettings(environment: Environment): UpSettings {
  const problems = [
    ...findUnknown(
      environment,
      Object.values(readers).map(({ schema }) => schema),
    ),
  ]
  const ingest = readConfig(readers.ingest, environment, problems)
  const bridge = readConfig(readers.bridge, environment, problems)
  const process = readConfig(readers.process, environment, problems)
  const queryApi = readConfig(readers.queryApi, environment, problems)
  const up = readConfig(readers.up, environment, problems)
  const kafkaVariables = readConfig(readers.kafka, environment, problems)
  const postgresVariables = readConfig(readers.postgres, environment, problems)
  const influxVariables = readConfig(readers.influx, environment, problems)
  refuseProblems(problems)
  if (!ingest || !bridge || !process || !queryApi || !up || !kafkaVariables || !postgresVariables || !influxVariables)
    throw new TypeError('A part without problems has settings.')
  const kafka = readKafkaSettings(kafkaVariables)
  const postgres = readPostgresSettings(postgresVariables)
  const influx = readInfluxSettings(influxVariables)
  return {
    ingest,
    bridge,
    process,
    queryApi,
    up,
    ...(kafka && { kafka }),
    ...(postgres && { postgres }),
    ...(influx && { influx }),
  }
}
