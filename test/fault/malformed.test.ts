// Goal: 20,000 malformed messages do not crash the product, hold its event loop or fill its memory; each is acknowledged and listed with its
// reasons, and what was sound in it is kept bit for bit.
// Method: two customers' gateways publish them, QoS 1, over TLS, to the product in a process of its own, which is watched through its metrics,
// /proc, and a meter inside of it. One sends messages whose faults are known from how they were broken; the other random and costly ones. MALFORMED_SEED repeats a run.
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isReason } from '../../schemas/rejection.ts'
import { enrolOne, operationsOn } from './harness/enrol.ts'
import { type Product, startProduct, stopProduct, UNWATCHED, whenReady } from './harness/product.ts'
import { readSensor } from './harness/read-api.ts'
import { until } from './harness/until.ts'
import type { SoundReading } from './malformed/draft.ts'
import { createMessageLists, type ListedMessage } from './malformed/message-list.ts'
import { openPublisher, type Publisher } from './malformed/publish.ts'
import { type ApiAccess, readOriginal, readRejected, samePlaces } from './malformed/read-rejected.ts'
import { meteredBy, type Watch, watchProduct } from './malformed/watch.ts'

const seed = Number(process.env.MALFORMED_SEED ?? Math.floor(Math.random() * 2 ** 31))
const ROUNDS = 4
const MESSAGES_PER_ROUND = 5_000
const STALL_MS_MAX = 50
/** What JavaScript may hold more after the last round than after the first, which warms everything up: 1 KiB a message would be 15 MiB. */
const HELD_GROWTH_MIB_MAX = 6
/** Resident memory follows what V8 and malloc keep for next time; it levels off after 20,000 messages (12 rounds were tried), some 130 MiB higher. */
const RESIDENT_GROWTH_MIB_MAX = 200
const DRAIN_TIMEOUT_MS = 60_000
/** On a quiet machine it takes 45 s. */
const TEST_TIMEOUT_MS = 240_000
const MIB = 1_048_576

t.setTimeout(TEST_TIMEOUT_MS)

t.test(`the product takes ${ROUNDS * MESSAGES_PER_ROUND} malformed messages (MALFORMED_SEED=${seed})`, async (t) => {
  t.comment(`MALFORMED_SEED=${seed}`)
  const parent = t.testdir()
  const folder = join(parent, 'data')
  // Made before, because the machine is shared with what is measured.
  const makeRound = createMessageLists(seed, Date.now())
  const rounds = Array.from({ length: ROUNDS }, () => makeRound(MESSAGES_PER_ROUND))
  const meterFile = join(parent, 'meter.ndjson')
  const product = startProduct({
    folder,
    mqttPort: 0,
    httpPort: 0,
    environment: { ...UNWATCHED, ...meteredBy(meterFile) },
  })
  t.teardown(() => stopProduct(product))
  const { mqttPort, apiUrl, metricsUrl } = await whenReady(product)
  const { pid = 0 } = product.child

  const place = { folder, mqttPort, apiUrl }
  const [known, unknown] = [await openGateway(t, place, 'known'), await openGateway(t, place, 'unknown')]
  const watch = watchProduct({ child: product.child, metricsUrl, meterFile })

  const sent: { readonly known: ListedMessage[]; readonly unknown: ListedMessage[] } = { known: [], unknown: [] }
  // Before it serves anybody, the product loads its modules at a stretch.
  const loadedMs = Date.now()
  const residentMiB: number[] = []
  const heldMiB: number[] = []
  for (const [round, messages] of rounds.entries()) {
    const startMs = performance.now()
    await publishBoth(product, [known.publisher, messages.known], [unknown.publisher, messages.unknown])
    const tookMs = Math.round(performance.now() - startMs)
    sent.known.push(...messages.known)
    sent.unknown.push(...messages.unknown)
    await untilProcessed(watch, [...sent.known, ...sent.unknown])
    heldMiB.push((await watch.heldBytes()) / MIB)
    residentMiB.push(Math.round((await watch.residentBytes()) / MIB))
    t.comment(`round ${round + 1}: in ${tookMs} ms; ${heldMiB.at(-1)?.toFixed(1)} MiB held, ${residentMiB.at(-1)} MiB resident`)
  }

  t.test('each is acknowledged, on the connection it came by, by the process that was started', async (t) => {
    t.equal(product.child.exitCode, null)
    t.equal(product.child.pid, pid)
    t.equal((await fetch(`${apiUrl}/readyz`)).status, 200)
    t.equal(product.stderr(), '', 'and there was nothing to complain of')
  })

  t.test('memory stays flat', async (t) => {
    t.ok(
      growth(heldMiB) < HELD_GROWTH_MIB_MAX,
      `${growth(heldMiB).toFixed(1)} MiB more held after ${ROUNDS} rounds than after one`,
    )
    t.ok(growth(residentMiB) < RESIDENT_GROWTH_MIB_MAX, `${growth(residentMiB)} MiB more resident`)
  })

  t.test('the product finds in each message what it was made to have', async (t) => {
    const others = sent.known.filter(({ isFoundAsMade }) => !isFoundAsMade)
    t.same(
      others
        .map(({ kind, payload, faults }) => ({ kind, faults, payload: payload.subarray(0, 200).toString('latin1') }))
        .slice(0, 3),
      [],
    )
  })

  for (const [{ tenant, api }, messages] of [
    [known, sent.known],
    [unknown, sent.unknown],
  ] as const) {
    t.test(`every refused message of the tenant ${tenant} is listed with its reasons, and its bytes are kept`, (t) =>
      checkRejected(t, api, messages),
    )
  }

  t.test('the metrics count each message once', async (t) => {
    const all = [...sent.known, ...sent.unknown]
    const count = (is: (message: ListedMessage) => boolean): number => all.filter(is).length
    t.equal(
      await watch.metric('ingest_messages_total', 'outcome="accepted"'),
      count(({ faults }) => faults.length === 0),
    )
    t.equal(
      await watch.metric('ingest_messages_total', 'outcome="rejected"'),
      count(({ goodCount }) => goodCount === 0),
    )
    t.equal(
      await watch.metric('ingest_messages_total', 'outcome="partial"'),
      count(({ faults, goodCount }) => faults.length > 0 && goodCount > 0),
    )
    t.equal(await watch.metric('ingest_messages_total'), all.length)
    t.equal(
      await watch.metric('ingest_readings_total'),
      all.reduce((sum, { goodCount }) => sum + goodCount, 0),
    )
    const byReason = Map.groupBy(
      all.flatMap(({ faults }) => faults),
      ([reason]) => reason,
    )
    for (const [reason, faults] of byReason) {
      t.ok(isReason(reason), reason)
      t.equal(await watch.metric('ingest_faults_total', `reason="${reason}"`), faults.length, reason)
    }
  })

  t.test('what was sound is kept bit for bit, also in messages that were not', async (t) => {
    const expected = new Map(sent.known.flatMap(({ good }) => good).map((reading) => [keyOf(reading), reading]))
    let found = 0
    for (const sensor of new Set([...expected.values()].map((reading) => reading.sensor))) {
      for await (const { timestampMs, values } of readSensor({ ...known.api, tenant: known.tenant }, sensor)) {
        const reading = expected.get(keyOf({ sensor, ts: timestampMs }))
        found++
        if (reading === undefined || bitsOf(reading.values) !== bitsOf(values)) t.fail(`${sensor} at ${timestampMs} is another`)
      }
    }
    t.equal(found, expected.size)
  })

  t.test(`the event loop is not held for ${STALL_MS_MAX} ms`, async (t) => {
    const turns = await watch.longTurns(loadedMs)
    const own = turns.map(({ tookMs, waitedMs }) => ({ tookMs, waitedMs, ownMs: tookMs - waitedMs }))
    for (const { tookMs, waitedMs, ownMs } of own.toSorted((left, right) => right.ownMs - left.ownMs).slice(0, 5))
      t.comment(
        `held for ${ownMs.toFixed(1)} ms (${tookMs.toFixed(1)} ms, but for ${waitedMs.toFixed(1)} ms without a processor)`,
      )
    t.same(
      own.filter(({ ownMs }) => ownMs > STALL_MS_MAX),
      [],
    )
  })
})

type Sending = readonly [Publisher, readonly ListedMessage[]]

async function publishBoth(product: Product, ...sendings: readonly Sending[]): Promise<void> {
  const publishing = sendings.map(([publisher, messages]) => publisher.publish(messages.map(({ payload }) => payload)))
  await Promise.all(publishing).catch((error: unknown) => {
    throw new Error(`A message was not acknowledged. The product wrote: ${product.stderr()}`, { cause: error })
  })
}

const growth = (figures: readonly number[]): number => (figures.at(-1) ?? 0) - (figures[0] ?? 0)

interface Place {
  readonly folder: string
  readonly mqttPort: number
  readonly apiUrl: string
}

async function openGateway(t: Test, { folder, mqttPort, apiUrl }: Place, tenant: string) {
  const { caPem, credentials } = await enrolOne(folder, { tenant, gateway: 'gw-1' })
  const { secret } = await (await operationsOn(folder)).call('tokens.create', { tenant, scopes: ['read', 'diagnose'] })
  const publisher = await openPublisher({ port: mqttPort, caPem }, credentials)
  t.teardown(() => publisher.close())
  return { publisher, tenant, api: { apiUrl, token: secret } }
}

const keyOf = ({ sensor, ts }: Pick<SoundReading, 'sensor' | 'ts'>): string => `${sensor} ${ts}`

function bitsOf(values: ReadonlyMap<string, number>): string {
  const pairs = [...values].toSorted(([left], [right]) => (left < right ? -1 : 1))
  return pairs.map(([metric, value]) => `${metric}=${Buffer.from(Float64Array.of(value).buffer).toString('hex')}`).join(' ')
}

/** Both processors have committed all that ingest has let through. */
async function untilProcessed(watch: Watch, messages: readonly ListedMessage[]): Promise<void> {
  const stored = messages.filter(({ goodCount }) => goodCount > 0).length
  const rejected = messages.filter(({ faults }) => faults.length > 0).length
  await until('everything is processed', DRAIN_TIMEOUT_MS, async () => {
    const isStored = (await watch.metric('process_records_total', 'processor="store"')) >= stored
    return (isStored && (await watch.metric('process_records_total', 'processor="rejections"')) >= rejected) || undefined
  })
}

const ORIGINALS_READ = 150

async function checkRejected(t: Test, api: ApiAccess, messages: readonly ListedMessage[]): Promise<void> {
  const refused = messages.filter(({ faults }) => faults.length > 0)
  const listed = await readRejected(api)
  t.equal(listed.length, refused.length, 'each message once')
  const others = refused.flatMap((message, index) => {
    const places = listed[index]?.places ?? []
    return samePlaces(places, message.faults)
      ? []
      : [{ kind: message.kind, expected: message.faults.slice(0, 3), found: places.slice(0, 3) }]
  })
  t.same(others.slice(0, 3), [], 'with every one of its faults')
  const every = Math.max(1, Math.floor(refused.length / ORIGINALS_READ))
  for (const [index, { payload, kind }] of refused.entries()) {
    const { id = '' } = listed[index] ?? {}
    if (index % every === 0 && !payload.equals(await readOriginal(api, id))) t.fail(`${kind}: other bytes came back`)
  }
}
