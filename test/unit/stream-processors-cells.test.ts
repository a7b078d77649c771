// Goal: every record is one cell's and no other's, whichever cell asks first, and none is passed over before its tenant has a place.
// Method: shares over a real metadata store.
import t, { type Test } from 'tap'
import { openSqliteMetadata } from '../../platform/adapters/sqlite/metadata/open.ts'
import type { LogRecord } from '../../platform/ports/event-log.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { createCellShares } from '../../stream-processors/cell-share.ts'
import { consumerGroup, planGroups } from '../../stream-processors/consumer-groups.ts'
import { createReadableLog } from '../flow/listener/log-lines.ts'

const record = (key: string, offset = 0): LogRecord => ({
  topic: 'readings.v1',
  partition: 0,
  offset,
  timestampMs: 0,
  key,
  value: new Uint8Array(),
})
const RECORDS = ['a/gw-1', 'b/gw-1', 'c/gw-1', 'a/gw-2', 'd/gw-1', '/nobody', 'damaged'].map(record)
/** As many gateways as shares remember. */
const REMEMBERED_MAX = 100_000
const silent = createLogger({ level: 'silent', part: 'test', isPretty: false })

async function openPlaces(t: Test) {
  const places = await openSqliteMetadata({ folder: t.testdir(), onDeath: (error) => t.fail('a thread ended', { error }) })
  t.teardown(() => places.close())
  return places
}

const keys = (records: readonly LogRecord[]): readonly string[] => records.map(({ key }) => key)

t.test('two cells share all records, those of no tenant go to the first by name, and the order stays', async (t) => {
  const shareOf = createCellShares(['one', 'two'], await openPlaces(t), silent)
  const [mine, theirs] = await Promise.all([shareOf('one').own(RECORDS), shareOf('two').own(RECORDS)])
  t.same(keys(mine), ['a/gw-1', 'c/gw-1', 'a/gw-2', '/nobody', 'damaged'])
  t.same(keys(theirs), ['b/gw-1', 'd/gw-1'])
  t.notOk(shareOf('one').isAll)
})

t.test('another process agrees, also one with a shorter table, which says what it lacks once', async (t) => {
  const places = await openPlaces(t)
  const { log, lines } = createReadableLog()
  await createCellShares(['one', 'two'], places, silent)('two').own(RECORDS)
  const share = createCellShares(['one'], places, log)('one')
  t.ok(share.isAll)
  t.same(keys(await share.own(RECORDS)), ['a/gw-1', 'c/gw-1', 'a/gw-2', '/nobody', 'damaged'])
  await share.own(RECORDS.map(({ key }) => record(`${key}x`)))
  const told = lines.filter(({ cell }) => cell === 'two')
  t.same(told.map(({ tenant }) => tenant).toSorted(), ['b', 'd'])
})

t.test('one that waits for a place loses no record when others fill the memory meanwhile', async (t) => {
  const places = await openPlaces(t)
  const gate = Promise.withResolvers<void>()
  let isGated = false
  const slow = {
    async placeTenants(tenants: readonly string[], cells: readonly string[]) {
      const isMine = isGated
      isGated = false
      if (isMine) await gate.promise
      return places.placeTenants(tenants, cells)
    },
  }
  const share = createCellShares(['main'], slow, silent)('main')
  const known = Array.from({ length: 100 }, (_, n) => record(`a/gw-${n}`))
  await share.own(known)
  isGated = true
  const waiting = share.own([...known, record('b/new')])
  for (let at = 0; at < REMEMBERED_MAX + 2; at += 50_000)
    await share.own(Array.from({ length: 50_000 }, (_, n) => record(`c/gw-${at + n}`)))
  gate.resolve()
  t.equal((await waiting).length, 101)
  t.equal((await share.own(known)).length, 100, 'and those that were forgotten are asked for once more')
})

t.test('the group of a new cell begins where others are, and one that anybody lives in does not move', async (t) => {
  const plans = planGroups(
    ['main', 'two', 'three'],
    new Map([
      ['main', 4],
      ['two', 1],
    ]),
  )
  t.match(plans, { length: 6 })
  t.same(
    plans.filter(({ like }) => like.length > 0),
    [
      { group: 'millrace.store.three', topics: ['readings.v1'], like: ['millrace.store', 'millrace.store.two'] },
      { group: 'millrace.rejections.three', topics: ['rejected.v1'], like: ['millrace.rejections', 'millrace.rejections.two'] },
    ],
  )
  t.same(
    planGroups(['main'], new Map()).map(({ like }) => like),
    [[], []],
  )
})

t.test('a store of places that is away is an error, and nothing is taken for nobody', async (t) => {
  const places = await openPlaces(t)
  const share = createCellShares(['one', 'two'], places, silent)('two')
  await places.close()
  await t.rejects(share.own(RECORDS), { code: 'metadata.unavailable' })
})

t.test('the group of the only cell is what it was before there were cells', async (t) => {
  t.equal(consumerGroup('store'), 'millrace.store')
  t.equal(consumerGroup('store', 'main'), 'millrace.store')
  t.equal(consumerGroup('rejections', 'second'), 'millrace.rejections.second')
})
