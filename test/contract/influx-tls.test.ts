// Goal: InfluxDB with a certificate of a private root is written to and read by TLS, and nobody else is; whoever is turned down is told what to do.
// Method: a real server of this test's own, with a certificate made by openssl.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fix } from '../../operate/up/fix.ts'
import { ensureBuckets } from '../../platform/adapters/influx/ensure.ts'
import { openInfluxReader } from '../../platform/adapters/influx/open-reader.ts'
import { openInfluxWriter } from '../../platform/adapters/influx/open-writer.ts'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { startInflux } from '../../scripts/services/influx.ts'
import { needs } from '../programs.ts'
import { needsService } from '../services.ts'
import { everything, never, point } from './time-series/implementations.ts'
import { quiet } from './time-series/influx.ts'
import { certificatesFor } from './tls/certificates.ts'

t.setTimeout(120_000)
const AWAY = 'time-series.unavailable'

async function startSecure(t: Test) {
  const certificates = await certificatesFor(t, 'DNS:localhost')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-influx-tls-'))
  const { url, org, token, stop } = await startInflux(folder, { tls: certificates })
  t.teardown(async () => {
    await stop()
    await rm(folder, { recursive: true, force: true })
  })
  const { caPem, caFile } = certificates
  return { cell: { name: 'main', bucket: 'readings', url, org, token, caPem }, caFile, folder }
}

t.test('InfluxDB with TLS', { skip: needsService('influx') || needs('openssl') }, async (t) => {
  const { cell, caFile, folder } = await startSecure(t)
  const other = await certificatesFor(t, 'DNS:localhost')
  const { caPem, ...withoutRoot } = cell
  t.match(cell.url, /^https:/)
  const places = await openSqliteMetadata({ folder: t.testdir(), onDeath: (error) => t.fail('a thread ended', { error }) })
  t.teardown(() => places.close())
  await places.placeTenants(['acme'], [cell.name])
  const prepare = (change: Partial<typeof cell>) =>
    ensureBuckets({ ...withoutRoot, ...change }, { readingsDays: 3_650, rejectedDays: 90 })

  t.test('doctor --fix makes its buckets and tokens', async (t) => {
    const at = (name: string) => join(folder, name)
    await writeFile(at('admin'), cell.token)
    const variables = {
      MILLRACE_INFLUX_URL: cell.url,
      MILLRACE_INFLUX_ORG: cell.org,
      MILLRACE_INFLUX_ADMIN_TOKEN_FILE: at('admin'),
    }
    const tokens = { MILLRACE_INFLUX_READ_TOKEN_FILE: at('read'), MILLRACE_INFLUX_WRITE_TOKEN_FILE: at('write') }
    const findings = await fix({ ...variables, ...tokens, MILLRACE_INFLUX_CA_FILE: caFile, MILLRACE_RETENTION_DAYS: '3650' })
    t.same(
      findings.map(({ state }) => state),
      ['ok', 'ok', 'ok', 'ok'],
    )
    const nowhere = fix({ ...variables, MILLRACE_INFLUX_READ_TOKEN_FILE: at('absent/read'), MILLRACE_INFLUX_CA_FILE: caFile })
    await t.rejects(nowhere, { code: 'config.invalid', message: /read token has no place to be kept.*Make that folder/ })
  })

  t.test('what is written comes back', async (t) => {
    const writer = openInfluxWriter({ cell, log: quiet })
    const reader = openInfluxReader({ cells: [cell], places })
    t.teardown(() => [writer, reader].forEach((one) => void one.close()))
    t.match(await writer.write([point({ power_w: 1 })], never), { stored: 1 })
    t.equal((await reader.range(proveTenant('acme'), everything, never)).length, 1)
  })

  t.test('a writer and a reader with another root are told, and nothing is taken for stored', async (t) => {
    const foreign = { ...cell, caPem: other.caPem }
    const writer = openInfluxWriter({ cell: foreign, log: quiet })
    const reader = openInfluxReader({ cells: [foreign], places })
    t.teardown(() => [writer, reader].forEach((one) => void one.close()))
    const refusal = { code: AWAY, message: /none of the roots in the file of MILLRACE_INFLUX_CA_FILE/ }
    await t.rejects(writer.write([point({ power_w: 1 })], never), refusal)
    await t.rejects(reader.range(proveTenant('acme'), everything, never), refusal)
  })

  t.test('the roots of the system do not know it', (t) =>
    t.rejects(prepare({}), { code: AWAY, message: /or, where that is not set, of this system/ }),
  )

  t.test('it is refused as a host that its certificate does not name', (t) =>
    t.rejects(prepare({ caPem, url: cell.url.replace('localhost', '127.0.0.1') }), {
      code: AWAY,
      message: /Write in MILLRACE_INFLUX_URL a name that stands in it/,
    }),
  )

  t.test('https to a server without TLS says so', async (t) => {
    const plain = await startInflux(join(folder, 'plain'))
    t.teardown(() => plain.stop())
    await t.rejects(prepare({ caPem, url: plain.url.replace('http:', 'https:') }), {
      code: AWAY,
      message: /does not speak TLS 1\.3. Turn it on in InfluxDB/,
    })
  })
})
