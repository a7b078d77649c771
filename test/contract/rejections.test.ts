// Goal: every index of rejections keeps the promises of its port, so that a tenant can be shown what was refused, and why.
// Method: the same suite against each implementation, over a real file or server.
import t from 'tap'
import type { RejectionEntry } from '../../platform/ports/rejections.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { never, openForTest, rejectionImplementations, T0 } from './time-series/implementations.ts'

const acme = proveTenant('acme')
const bolt = proveTenant('bolt')
const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, limit: 1_000 }

const entry = (offset: number, changes: Partial<RejectionEntry> = {}): RejectionEntry => ({
  tenant: 'acme',
  gateway: 'gw-1',
  timeMs: T0 + offset,
  stage: 'ingest',
  reason: 'reading.value',
  pointer: '/readings/0/values/power_w',
  detail: 'must be number',
  partition: 0,
  offset,
  fault: 0,
  ...changes,
})

const keyOf = ({ timeMs, partition, offset, fault }: RejectionEntry) => ({ timeMs, partition, offset, fault })

for (const implementation of rejectionImplementations) {
  t.test(`${implementation.name}: rejections`, { skip: implementation.skip ?? false }, async (t) => {
    t.test('gives back everything of an entry', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const full = entry(7, { gateway: 'gw-9', stage: 'store', pointer: '', detail: 'Größe 水 🏭', partition: 3, fault: 4_999 })
      await writer.index([full])
      t.same(await reader.rejections(acme, all, never), [full])
      t.same(await reader.rejection(acme, keyOf(full), never), full)
      t.equal(await reader.rejection(acme, { ...keyOf(full), fault: 0 }, never), undefined)
    })

    t.test('lists the newest first, in one order for entries of one time', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const same = { timeMs: T0 + 50 }
      const older = entry(1)
      const ordered = [
        entry(9, { ...same, partition: 1 }),
        entry(9, { ...same, fault: 1 }),
        entry(9, same),
        entry(8, same),
        older,
      ]
      await writer.index(ordered.toReversed())
      t.same(await reader.rejections(acme, all, never), ordered)
    })

    t.test('is paged by going on behind an entry', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const entries = Array.from({ length: 10 }, (_, n) => entry(n, { timeMs: T0 + Math.floor(n / 4) }))
      await writer.index(entries)
      const seen: RejectionEntry[] = []
      for (;;) {
        const last = seen.at(-1)
        const page = await reader.rejections(acme, { ...all, limit: 3, ...(last ? { after: keyOf(last) } : {}) }, never)
        if (page.length === 0) break
        seen.push(...page)
      }
      t.same(seen, entries.toReversed())
    })

    t.test('takes the range of times as half-open', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.index([0, 1, 2, 3].map((n) => entry(n)))
      const found = await reader.rejections(acme, { ...all, fromMs: T0 + 1, toMs: T0 + 3 }, never)
      t.same(
        found.map(({ offset }) => offset),
        [2, 1],
      )
      const behind = { ...all, fromMs: T0 + 1, toMs: T0 + 3, after: { timeMs: T0 + 9, partition: 0, offset: 9, fault: 0 } }
      t.same(await reader.rejections(acme, behind, never), found)
    })

    t.test('finds by gateway and by reason, however many others lie between', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const many = Array.from({ length: 25_000 }, (_, n) => entry(n))
      const rare = entry(5, { gateway: 'gw-2', reason: 'time.too-old', partition: 1 })
      await writer.index([...many, rare])
      t.same(await reader.rejections(acme, { ...all, gateway: 'gw-2' }, never), [rare])
      t.same(await reader.rejections(acme, { ...all, reason: 'time.too-old' }, never), [rare])
      t.same(await reader.rejections(acme, { ...all, reason: 'time.too-old', gateway: 'gw-1' }, never), [])
      t.equal((await reader.rejections(acme, { ...all, limit: 3_000, gateway: 'gw-1' }, never)).length, 3_000)
    })

    t.test('indexes an entry once, however often it is told', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      const entries = [entry(1), entry(2), entry(2, { fault: 1 })]
      await writer.index(entries)
      await writer.index([...entries, ...entries])
      t.same(await reader.rejections(acme, all, never), entries.toReversed())
    })

    t.test('keeps tenants apart', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.index([entry(1), entry(1, { tenant: 'bolt', partition: 1 })])
      t.match(await reader.rejections(bolt, all, never), [{ tenant: 'bolt', partition: 1 }])
      t.equal(await reader.rejection(bolt, keyOf(entry(1)), never), undefined)
      t.same(await reader.rejections(proveTenant('nobody'), all, never), [])
      const forged = { ...acme }
      await t.rejects(reader.rejections(forged, all, never), TypeError)
      await t.rejects(reader.rejection(forged, keyOf(entry(1)), never), TypeError)
    })

    const skip = implementation.limitsRejections ? false : 'goes by age'
    t.test('keeps only the newest of each tenant', { skip }, async (t) => {
      const { writer, reader } = await openForTest(t, implementation, { rejectionsPerTenantMax: 5 })
      const offsetsOf = async () => (await reader.rejections(acme, all, never)).map(({ offset }) => offset)
      await writer.index([entry(1, { tenant: 'bolt' })])
      await writer.index([0, 1, 2, 3].map((n) => entry(n)))
      await writer.index([2, 3, 4, 5, 6].map((n) => entry(n)))
      t.same(await offsetsOf(), [6, 5, 4, 3, 2])
      await writer.index([0, 9].map((n) => entry(n)))
      t.same(await offsetsOf(), [9, 6, 5, 4, 3])
      t.equal((await reader.rejections(bolt, all, never)).length, 1)
    })

    t.test('cuts long pointers and details, between two characters', async (t) => {
      const { writer, reader } = await openForTest(t, implementation)
      await writer.index([entry(1, { pointer: `/${'p'.repeat(2_000)}`, detail: `${'d'.repeat(511)}🏭🏭` })])
      const [found] = await reader.rejections(acme, all, never)
      t.equal(found?.pointer, `/${'p'.repeat(511)}`)
      t.match(found?.detail, /^d{511}.?$/)
      t.ok(found?.detail.isWellFormed())
    })

    t.test('keeps everything when it is closed and opened again', async (t) => {
      const place = t.testdir()
      const first = await implementation.open(place)
      await first.writer.index([entry(1)])
      await first.close()
      const second = await implementation.open(place)
      t.teardown(() => second.close())
      t.same(await second.reader.rejections(acme, all, never), [entry(1)])
    })
  })
}
