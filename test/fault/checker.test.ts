// Goal: the checker of the kill test finds what it is there to find.
// Method: a product that lost nothing is found to be clean; then single rows of its real stores are dropped, doubled, altered and moved, and
// each is found, in the API and in the store. What no row of a store can show is given to the checks directly.
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import t, { type Test } from 'tap'
import { checkLog, type LoggedMessage } from './check/check-log.ts'
import { createOffsetsCheck } from './check/check-offsets.ts'
import { audit } from './harness/audit.ts'
import type { LedgerMessage } from './harness/ledger.ts'
import { whenReady } from './harness/product.ts'
import { until } from './harness/until.ts'
import { openFaultWorld } from './harness/world.ts'

const MESSAGES = 300
const LOAD_MS_MAX = 30_000

/** A product that has taken some messages and is at rest, and a hand in its stores. */
async function openTampered(t: Test) {
  const seed = randomInt(2 ** 31)
  t.comment(`seed ${seed}`)
  const world = await openFaultWorld({ folder: t.testdir(), seed })
  t.teardown(world.abandon)
  const { apiUrl } = await whenReady(world.first)
  await world.trespass()
  await until('there are enough messages', LOAD_MS_MAX, () => (world.counts().acked >= MESSAGES ? true : undefined))
  for (const gateway of world.gateways) gateway.finish()
  await until('every message is acknowledged', LOAD_MS_MAX, () => (world.counts().waiting === 0 ? true : undefined))
  await world.close()

  const look = () => audit({ ...world, apiUrl })
  const series = new DatabaseSync(join(world.dataFolder, 'series.sqlite'), { timeout: 5_000 })
  t.teardown(() => series.close())
  const run = (sql: string, ...values: readonly SQLInputValue[]): void => {
    if (series.prepare(sql).run(...values).changes !== 1) throw new Error(`One row should have changed: ${sql}`)
  }

  /** Changes a store, looks, and puts it back. @returns what was found, each kind once. */
  async function tamper({ change, undo }: { change: () => void; undo: () => void }): Promise<readonly string[]> {
    change()
    const { violations } = await look()
    undo()
    return [...new Set(violations.map(({ kind, where }) => `${kind} (${where})`))].sort()
  }

  const find = (sql: string, ...values: readonly SQLInputValue[]) => series.prepare(sql).get(...values) ?? {}
  return { look, run, tamper, find }
}

t.test('a product whose stores are tampered with', async (t) => {
  const { look, run, tamper, find } = await openTampered(t)
  const clean = await look()
  t.same(clean.violations, [], 'untouched, they are clean')
  t.same([clean.messages.refused, clean.messages.unknown], [1, 0], 'what became of each message is known')

  // A row whose time its namesake at the other customer doesn't have, so that it can move there. One with many values: the API shows
  // a row when it holds a metric that its sensor is known to have.
  const {
    sensor_id: sensor,
    ts,
    data,
    other,
  } = find(`
    SELECT sensor_id, ts, data, twin.id AS other FROM fresh
    JOIN sensor ON sensor.id = sensor_id JOIN sensor AS twin ON twin.name = sensor.name AND twin.id <> sensor.id
    WHERE NOT EXISTS (SELECT 1 FROM fresh AS taken WHERE taken.sensor_id = twin.id AND taken.ts = fresh.ts)
      AND NOT EXISTS (SELECT 1 FROM reading AS taken WHERE taken.sensor_id = twin.id AND taken.ts = fresh.ts)
    ORDER BY length(data) DESC, random() LIMIT 1`)
  if (typeof sensor !== 'number' || typeof ts !== 'number' || typeof other !== 'number' || !(data instanceof Uint8Array))
    throw new Error('There is no such row.')
  const drop = (table: string) => () => run(`DELETE FROM ${table} WHERE sensor_id = ? AND ts = ?`, sensor, ts)
  const insert = (table: string) => () => run(`INSERT INTO ${table} VALUES (?, ?, ?)`, sensor, ts, data)
  const setData = (bytes: Uint8Array) => () => run('UPDATE fresh SET data = ? WHERE sensor_id = ? AND ts = ?', bytes, sensor, ts)
  const move = (from: SQLInputValue, to: SQLInputValue) => () =>
    run('UPDATE fresh SET sensor_id = ? WHERE sensor_id = ? AND ts = ?', to, from, ts)
  // The last value ends the row, little-endian: this is the lowest bit of its fraction.
  const altered = data.with(-8, (data.at(-8) ?? 0) ^ 1)

  t.same(await tamper({ change: drop('fresh'), undo: insert('fresh') }), ['lost (api)', 'lost (store)'], 'a row is dropped')
  t.same(
    await tamper({ change: insert('reading'), undo: drop('reading') }),
    ['doubled (api)', 'doubled (store)'],
    'a row is doubled',
  )
  t.same(
    await tamper({ change: setData(altered), undo: setData(data) }),
    ['altered (api)', 'altered (store)'],
    'one bit is flipped',
  )
  t.same(
    await tamper({ change: move(sensor, other), undo: move(other, sensor) }),
    ['lost (api)', 'lost (store)', 'stranger (api)', 'stranger (store)'],
    'a row has moved to another customer',
  )

  const {
    time_ms: timeMs = null,
    offset = null,
    fault = null,
    reason = null,
  } = find('SELECT * FROM rejection ORDER BY random() LIMIT 1')
  const setReason = (text: SQLInputValue) => () =>
    run('UPDATE rejection SET reason = ? WHERE time_ms = ? AND offset = ? AND fault = ?', text, timeMs, offset, fault)
  t.same(
    await tamper({ change: setReason('payload.empty'), undo: setReason(reason) }),
    ['not-rejected (rejected)', 'stranger (rejected)'],
    'a refusal has another reason',
  )
  t.same((await look()).violations, [], 'put back, they are clean again')
})

const NAME = { tenant: 'acme', gateway: 'gw-0' }

const sent = (n: number, outcome: LedgerMessage['outcome'], isForbidden = false): LedgerMessage => ({
  ...NAME,
  n,
  outcome,
  isForbidden,
  faults: [],
  payload: `{"readings":[{"sensor":"s","ts":${n},"seq":${n},"values":{"power_w":${n}}}]}`,
})

const logged = ({ payload }: LedgerMessage, offset: number): LoggedMessage => ({
  ...NAME,
  kind: 'readings',
  partition: 0,
  offset,
  payload,
})

const kindsIn = (ledger: readonly LedgerMessage[], ...log: readonly LedgerMessage[]): readonly string[] =>
  checkLog(
    ledger,
    log.map((message, offset) => logged(message, offset)),
  ).violations.map(({ kind }) => kind)

t.test('the check of the event log', async (t) => {
  const [one, two, three] = [sent(1, 'acknowledged'), sent(2, 'acknowledged'), sent(3, 'unknown')]
  const ledger = [one, two, three]
  t.same(kindsIn(ledger, one, two), [], 'a message that may be there need not be')
  t.same(kindsIn(ledger, one, two, one, two, three), [], 'messages that were sent again may be there again')
  t.same(kindsIn(ledger, two, one), ['out-of-order'], 'first deliveries in another order are found')
  t.same(kindsIn(ledger, one), ['lost'], 'an acknowledged message that is not there is found')
  t.same(kindsIn([one], one, two), ['stranger'], 'a message that nobody sent is found')
  t.same(
    kindsIn(ledger, one, { ...two, payload: two.payload.replace('power_w":2', 'power_w":3') }),
    ['altered'],
    'an altered one is found',
  )
  t.same(kindsIn([one, sent(4, 'acknowledged', true)], one), ['forbidden-acknowledged'], 'an acknowledged trespass is found')
})

t.test('the check of the committed offsets', async (t) => {
  const at = (committed: number, end: number) => [{ group: 'g', topic: 'readings.v1', partition: 0, committed, end }]
  const check = createOffsetsCheck()
  check.see(at(3, 5), 'kill 1')
  check.see(at(5, 5), 'kill 2')
  t.same(check.finish(), [], 'offsets that go ahead are fine')
  check.see(at(4, 5), 'kill 3')
  check.see(at(5, 4), 'kill 4')
  check.see([], 'kill 5')
  t.same(
    check.finish().map(({ where }) => where),
    ['kill 3', 'kill 4', 'kill 4', 'kill 5'],
    'one that goes back, one behind the end, an end that goes back and one that is gone are found',
  )
})
