// Goal: whatever is written, repeated, corrected, dropped or reopened in whatever order, the store holds what a simple model holds.
// Method: random commands on a writer that moves rows all the time, the reader asked after each; fast-check prints the seed.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { openSeriesReader, type SeriesReader } from '../../platform/adapters/sqlite/series/open-reader.ts'
import { openSeriesWriter } from '../../platform/adapters/sqlite/series/open-writer.ts'
import { proveTenant } from '../../platform/ports/tenant-scope.ts'
import { everything, never, point, T0 } from '../contract/time-series/implementations.ts'
import { createSeriesModel, type SeriesModel } from '../contract/time-series/series-model.ts'

const acme = proveTenant('acme')
const SENSORS = ['s0', 's1', 's2', 's3']
const limits = { freshRowsMax: 8, moveRowsMax: 3, busyRowsMin: 3, sensorsRememberedMax: 3 }

const somePoint = fc
  .record({
    sensor: fc.constantFrom(...SENSORS),
    time: fc.integer({ min: 0, max: 15 }),
    values: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom(0, -0, 1, 2.5), { minKeys: 1, maxKeys: 3 }),
  })
  .map(({ sensor, time, values }) => point(values, { sensor, timestampMs: T0 + time }))

const command = fc.oneof(
  { weight: 12, arbitrary: fc.record({ write: fc.array(somePoint, { minLength: 1, maxLength: 8 }) }) },
  { weight: 1, arbitrary: fc.record({ dropBefore: fc.integer({ min: 0, max: 14 }) }) },
  { weight: 1, arbitrary: fc.constant({ reopen: true }) },
)

t.test('a store does what the model does, after any commands', async (t) => {
  const check = fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 30 }), async (commands) => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-series-'))
      const reader = await openSeriesReader({ folder, threads: 1, onDeath: (error) => t.fail('A thread ended.', { error }) })
      let writer = openSeriesWriter({ folder, limits })
      const model = createSeriesModel()
      try {
        for (const one of commands) {
          if ('write' in one) assert.deepEqual(await writer.write(one.write, never), { rejected: [], ...model.apply(one.write) })
          else if ('dropBefore' in one) {
            let dropped = 0
            for (let rows = -1; rows !== 0; dropped += rows) rows = writer.dropBefore(T0 + one.dropBefore, 3)
            assert.equal(dropped, model.dropBefore(T0 + one.dropBefore))
          } else {
            writer.close()
            writer = openSeriesWriter({ folder, limits })
          }
          await compare(reader, model)
        }
      } finally {
        writer.close()
        await reader.close()
        rmSync(folder, { recursive: true })
      }
    }),
    { numRuns: 25 },
  )
  await t.resolves(check)
})

async function compare(reader: SeriesReader, model: SeriesModel): Promise<void> {
  const latest = new Map((await reader.latest(acme, SENSORS, never)).map(({ sensor, values }) => [sensor, values]))
  for (const sensor of SENSORS) {
    const rows = await reader.range(acme, { ...everything, sensor }, never)
    assert.deepEqual(
      rows.map(({ timestampMs, values }) => ({ timestampMs, values })),
      model.rows(sensor),
    )
    assert.deepEqual(latest.get(sensor) ?? [], model.latest(sensor))
  }
}
