// Goal: from one InfluxDB to two, nobody moves and nothing is lost; one that is away holds up its own tenants and nobody else; a table that forgets
// one is refused.
// Method: two real servers of this test's own beside Kafka and PostgreSQL; the product in this process, asked over MQTT and HTTP; one server is killed.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fix } from '../../operate/up/fix.ts'
import type { Up } from '../../operate/up/start.ts'
import { type InfluxServer, startInflux } from '../../scripts/services/influx.ts'
import { askInflux } from '../contract/influx/ask-influx.ts'
import { needsServers, serverVariables } from '../flow/pipeline/at-scale.ts'
import { addTenant, connectGateway, createProgram, startProduct } from '../flow/pipeline/world.ts'
import { until } from '../unit/sqlite-log/open-log.ts'

t.setTimeout(240_000)
const MESSAGES = 20
/** A cell that is away must not cost another's tenants this much. */
const HELD_UP_MS_MAX = 10_000
const T0 = Date.now() - 3_600_000

t.test('cells', { skip: needsServers() }, async (t) => {
  const folder = t.testdir({ product: {}, secrets: {}, main: {}, second: {} })
  const { main, second, environmentOf } = await openCells(t, folder)

  t.test('one becomes two, and the second is lost and comes back', async (t) => {
    const alone = await startWith(t, folder, await environmentOf('main'))
    await addTenant(alone, 'acme')
    await addTenant(alone, 'bolt')
    const before = await openTenant(t, alone, 'acme', 'gw-1')
    await before.publish(0, 1)
    await before.untilStored(1)
    await alone.stop()

    const up = await startWith(t, folder, await environmentOf('main', 'second'))
    const acme = await openTenant(t, up, 'acme', 'gw-2')
    const bolt = await openTenant(t, up, 'bolt', 'gw-1')
    await bolt.publish(0, 1)
    await acme.publish(1, 1)
    await acme.untilStored(2)
    await bolt.untilStored(1)
    t.match(await tenantsIn(main), /acme/)
    t.notMatch(await tenantsIn(main), /bolt/)
    t.match(await tenantsIn(second), /bolt/)
    t.notMatch(await tenantsIn(second), /acme/)

    second.child.kill('SIGKILL')
    const killedMs = performance.now()
    await bolt.publish(1, MESSAGES)
    await acme.publish(2, MESSAGES)
    await acme.untilStored(2 + MESSAGES)
    await acme.untilRejected(MESSAGES)
    const heldUpMs = performance.now() - killedMs
    t.ok(heldUpMs < HELD_UP_MS_MAX, `the other cell's tenants see theirs after ${Math.round(heldUpMs)} ms`)
    t.equal((await bolt.ask()).status, 503, 'its own are told that it is away')
    t.equal((await fetch(new URL('/readyz', up.apiUrl))).status, 200)
    await until(async () => (await lagOf(up, 'second')) > 0 && (await lagOf(up, 'main')) === 0)

    await second.startAgain()
    await bolt.untilStored(1 + MESSAGES)
    await bolt.untilRejected(MESSAGES)
    await until(async () => (await lagOf(up, 'second')) === 0)
    await up.stop()
  })

  t.test('a table without a cell that tenants live in is refused', async (t) => {
    await t.rejects(startWith(t, folder, await environmentOf('main')), {
      code: 'config.invalid',
      message: /second \(1 tenant\)\. Put it back/,
    })
  })
})

async function openCells(t: Test, folder: string) {
  const servers = { main: await startInflux(join(folder, 'main')), second: await startInflux(join(folder, 'second')) }
  t.teardown(() => Promise.all(Object.values(servers).map((server) => server.stop())))
  const others = Object.entries(await serverVariables(t)).filter(([name]) => !name.startsWith('MILLRACE_INFLUX'))
  const secret = (name: string): string => join(folder, 'secrets', name)

  /** What an operator sets for these cells, with all that `doctor --fix` makes. */
  async function environmentOf(...names: readonly (keyof typeof servers)[]) {
    const table = names.map((name) => ({
      name,
      url: servers[name].url,
      org: servers[name].org,
      bucket: 'readings',
      readTokenFile: secret(`${name}-read`),
      writeTokenFile: secret(`${name}-write`),
      adminTokenFile: secret(`${name}-admin`),
    }))
    for (const name of names) await writeFile(secret(`${name}-admin`), servers[name].token)
    await writeFile(secret('cells.json'), JSON.stringify(table))
    const environment = { ...Object.fromEntries(others), MILLRACE_INFLUX_CELLS_FILE: secret('cells.json') }
    await fix(environment)
    return environment
  }
  return { ...servers, environmentOf }
}

const startWith = (t: Test, folder: string, environment: Readonly<Record<string, string>>): Promise<Up> =>
  startProduct(t, join(folder, 'product'), environment)

async function openTenant(t: Test, up: Up, tenant: string, gatewayId: string) {
  const gateway = await connectGateway(t, up, { tenant, gateway: gatewayId })
  const program = await createProgram(up, tenant)
  const path = `/v1/sensors/press-1/readings?from=${T0}&to=${T0 + 1_000}`
  /** Until an answer has this word so often. */
  const untilThere = (asked: string, word: string, count: number): Promise<void> =>
    until(async () => JSON.stringify((await program.get(asked)).body).split(word).length === count + 1)
  return {
    ask: () => program.get(path),
    /** Each with a reading that is refused beside it. Resolves when all are acknowledged. */
    async publish(from: number, count: number): Promise<void> {
      for (let n = from; n < from + count; n++)
        await gateway.publish({
          readings: [
            { sensor: 'press-1', ts: T0 + n, values: { power_w: n } },
            ...(count > 1 ? [{ sensor: 'press-1', ts: T0 + n, values: { 'not a name': n } }] : []),
          ],
        })
    },
    untilStored: (count: number): Promise<void> => untilThere(path, 'power_w', count),
    untilRejected: (count: number): Promise<void> => untilThere('/v1/rejected', 'reading.metric-name', count),
  }
}

/** Asked of the server itself. */
const tenantsIn = (server: InfluxServer): Promise<string> =>
  askInflux(server, 'import "influxdata/influxdb/schema" schema.tagValues(bucket: "readings", tag: "tenant", start: 0)')

async function lagOf({ metricsUrl }: Up, cell: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text()
  const found = text.matchAll(new RegExp(`^process_lag_records\\{.*cell="${cell}".*\\} (\\d+)$`, 'gm'))
  return [...found].reduce((sum, [, records]) => sum + Number(records), 0)
}
