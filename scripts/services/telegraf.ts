import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artefact } from './cache.ts'
import { run } from './run.ts'

const VERSION = '1.37.2'
const TAGS = [
  'custom',
  'inputs.mqtt_consumer',
  'inputs.kafka_consumer',
  'outputs.kafka',
  'outputs.influxdb_v2',
  'parsers.json',
  'parsers.influx',
  'serializers.influx',
]

/** What Millrace is measured against; only `npm run bench:scale` needs it. */
export const telegrafArtefact: Artefact = {
  name: 'telegraf',
  version: VERSION,
  needs: { go: 'golang' },
  takes: '4 minutes',
  async build(folder) {
    const module = `github.com/influxdata/telegraf@v${VERSION}`
    const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod', GOMODCACHE: join(folder, 'modules') }
    await run('go', ['mod', 'download', module], { cwd: folder, env })
    const source = join(folder, 'source')
    await cp(join(env.GOMODCACHE, module), source, { recursive: true })
    await run('chmod', ['-R', 'u+w', folder])
    const argv = ['build', '-tags', TAGS.join(','), '-ldflags', '-s -w', '-o', join(folder, 'telegraf'), './cmd/telegraf']
    await run('go', argv, { cwd: source, env })
    await run('rm', ['-rf', source, env.GOMODCACHE])
  },
}
