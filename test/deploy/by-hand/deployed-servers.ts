import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { artefactFolder } from '../../../scripts/services/cache.ts'
import { kafkaArtefact } from '../../../scripts/services/kafka.ts'
import { freePort, type Server, startServer } from '../../../scripts/services/run.ts'
import { at, read } from '../read-deploy.ts'

export interface DeployedKafka {
  readonly port: number
  launch(logFile: string): Server
}

export interface KafkaFiles {
  /** What is mounted at /certificates. */
  readonly certificates: string
  readonly passwordFile: string
}

/** Kafka with the files of deploy/kafka/; only places and ports are changed. */
export async function prepareKafka(folder: string, { certificates, passwordFile }: KafkaFiles): Promise<DeployedKafka> {
  const inside = (name: string) => join(folder, name)
  await mkdir(inside('run'), { recursive: true })
  await writeKafkaHome(inside('kafka'))
  const [port, controllerPort] = [await freePort(), await freePort()]
  const settings = read('deploy/kafka/server.properties')
    .replaceAll('/certificates/', `${certificates}/`)
    .replace('/var/lib/kafka/data', inside('data'))
    .replaceAll('localhost:9094', `localhost:${controllerPort}`)
    .replace('SASL_SSL://:9093', `SASL_SSL://localhost:${port}`)
    .replace('SASL_SSL://kafka:9093', `SASL_SSL://localhost:${port}`)
  await writeFile(inside('server.properties'), settings)
  const env = {
    KAFKA_HOME: inside('kafka'),
    KAFKA_SETTINGS: inside('server.properties'),
    KAFKA_RUN_DIR: inside('run'),
    KAFKA_PASSWORD_FILE: passwordFile,
    KAFKA_HEAP_OPTS: '-Xmx384m',
  }
  return { port, launch: (logFile) => startServer('sh', [at('deploy/kafka/start.sh')], { logFile, env }) }
}

/** Kafka's own scripts are in its image; these call the same classes. */
async function writeKafkaHome(folder: string): Promise<void> {
  const classPath = join(artefactFolder(kafkaArtefact), 'libs', '*')
  await mkdir(join(folder, 'bin'), { recursive: true })
  const scripts = { 'kafka-storage.sh': 'kafka.tools.StorageTool', 'kafka-server-start.sh': 'kafka.Kafka' }
  for (const [name, main] of Object.entries(scripts)) {
    const path = join(folder, 'bin', name)
    await writeFile(path, `#!/bin/sh\nexec java $KAFKA_HEAP_OPTS -cp '${classPath}' ${main} "$@"\n`)
    await chmod(path, 0o755)
  }
}

/** What deploy/postgres/owner.sh gives to psql, which we don't have. */
export const ownerStatements = (): string => /<<'END'\n([\s\S]*)\nEND/.exec(read('deploy/postgres/owner.sh'))?.[1] ?? ''
