// Goal: what a store has lost is found in every partition, whether records come in it or not, and written again only by who owns it.
// Method: a real log of four partitions; the store is a set of keys, from which some are taken.
import t, { type Test } from 'tap'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { createLogger } from '../../platform/runtime/log.ts'
import { notOwner } from '../../platform/runtime/ownership.ts'
import { WHOLE_STORE } from '../../stream-processors/cell-share.ts'
import { withReadBack } from '../../stream-processors/read-back.ts'
import { never, openLog } from './sqlite-log/open-log.ts'

const quiet = createLogger({ level: 'silent', part: 'test', isPretty: false })
const RECORDS = 60
const mine = { untilOwner: async () => undefined }

/** All records are stored and committed, and the log's consumer owns all partitions. */
async function openWorld(t: Test) {
  const log = await openLog(t)
  const consumer = await log.join('group', ['orders'])
  const stored = new Set<string>()
  const broken = new Set<number>()
  let epoch = 'first'
  let replayed = 0
  const idOf = (record: { readonly partition: number; readonly offset: number }): string => `${record.partition}/${record.offset}`
  const { process, upkeep } = withReadBack<string>(
    async (records) => {
      for (const record of records) stored.add(idOf(record))
    },
    { eventLog: log, group: 'group', epoch: async () => epoch, share: WHOLE_STORE },
    {
      what: 'records',
      sampleOf: (record) => idOf(record),
      async missing(samples) {
        if (samples.some((one) => broken.has(Number(one.split('/')[0]))))
          throw new MillraceError('event-log.unavailable', 'This one can not be read.')
        return samples.flatMap((one, index) => (stored.has(one) ? [] : [index]))
      },
      async restore(records) {
        for (const record of records) stored.add(idOf(record))
      },
    },
    { log: quiet, clock: Date.now, onReplayed: (count) => (replayed += count), everyMs: -1 },
  )
  for (let n = 0; n < RECORDS; n++) await log.append([{ topic: 'orders', key: `key-${n}`, value: Buffer.from('x') }])
  while (stored.size < RECORDS) {
    await process(await consumer.poll({ recordsMax: 100, bytesMax: 10_000 }, never), never, mine)
    await consumer.commit()
  }
  return {
    stored,
    broken,
    owned: () => consumer.ownership().places,
    process,
    upkeep,
    replayed: () => replayed,
    lose() {
      epoch = 'second'
      stored.clear()
    },
  }
}

t.test('each partition is looked at, one in a round, without a record of it', async (t) => {
  const { stored, owned, upkeep, lose, replayed } = await openWorld(t)
  t.equal(await upkeep({ places: owned(), ...mine }, never), false, 'they have been looked at before their first batch')
  lose()
  const more: boolean[] = []
  for (let round = 0; round < owned().length; round++) more.push(await upkeep({ places: owned(), ...mine }, never))
  t.same(more, [true, true, true, false])
  t.equal(stored.size, RECORDS)
  t.equal(replayed(), RECORDS)
  await upkeep({ places: owned(), ...mine }, never)
  t.equal(replayed(), RECORDS, 'and once is enough')
})

t.test('one that can not be read hides no other', async (t) => {
  const { stored, broken, owned, upkeep, lose } = await openWorld(t)
  const ofBroken = [...stored].filter((one) => one.startsWith('1/')).length
  lose()
  broken.add(1)
  for (let round = 0; round < 8; round++) await upkeep({ places: owned(), ...mine }, never).catch(() => false)
  t.equal(stored.size, RECORDS - ofBroken)
  broken.clear()
  await upkeep({ places: owned(), ...mine }, never)
  t.equal(stored.size, RECORDS)
})

t.test("nothing is written again once the partition may be somebody else's, or the processor stops", async (t) => {
  const { stored, owned, process, upkeep, lose } = await openWorld(t)
  lose()
  const gone = {
    async untilOwner() {
      throw notOwner()
    },
  }
  await t.rejects(upkeep({ places: owned(), ...gone }, never), { code: 'event-log.not-owner' })
  const batch = [{ topic: 'orders', partition: 0, offset: 1, timestampMs: 0, key: 'k', value: Buffer.from('x') }]
  await t.rejects(process(batch, never, gone), { code: 'event-log.not-owner' }, 'nor before a batch, or the batch itself')
  await t.rejects(upkeep({ places: owned(), ...mine }, AbortSignal.abort()))
  t.equal(stored.size, 0)
  for (let round = 0; round < owned().length; round++) await upkeep({ places: owned(), ...mine }, never)
  t.equal(stored.size, RECORDS, 'it stays to be done')
})
