// Goal: the factory lives the week of a factory: shifts on the wall clock, quiet weekends and holidays, peaks when machines start.
// Method: days of summer, winter and both changes of clocks in Amsterdam are simulated and looked at.
import t from 'tap'
import { isHoliday } from '../../operate/simulator/holidays.ts'
import { createShiftCalendar, type ShiftPattern } from '../../operate/simulator/shifts.ts'
import { createTimeZone } from '../../operate/simulator/time-zone.ts'
import { HOUR_MS, MINUTE_MS, mean, seriesOf, simulate } from './simulator/simulated.ts'

const at = (text: string): number => Date.parse(text)
const calendar = (pattern: ShiftPattern) => createShiftCalendar(createTimeZone('Europe/Amsterdam'), pattern)
const mainPower = (from: string, hours: number): number => {
  const readings = simulate({ seed: 1, fromMs: at(from), toMs: at(from) + hours * HOUR_MS, intervalMs: MINUTE_MS })
  return mean(seriesOf(readings, 'main-meter', 'power_w'))
}

t.test('takes less power at night than by day, and least at weekends and on holidays', async (t) => {
  const day = mainPower('2026-06-10T08:00:00+02:00', 8)
  const night = mainPower('2026-06-10T23:00:00+02:00', 5)
  const sunday = mainPower('2026-06-14T08:00:00+02:00', 8)
  const ascension = mainPower('2026-05-14T08:00:00+02:00', 8)
  t.ok(night < 0.7 * day, `night ${Math.round(night)} W, day ${Math.round(day)} W`)
  t.ok(sunday < 0.2 * day, `Sunday ${Math.round(sunday)} W`)
  t.ok(ascension < 0.2 * day, `Ascension Day ${Math.round(ascension)} W`)
})

t.test('begins the early shift at six on the wall clock, on both sides of a change of clocks', async (t) => {
  const { at: activity } = calendar('two-shift')
  for (const [day, offset] of [
    ['2026-03-27', '+01:00'],
    ['2026-03-30', '+02:00'],
    ['2026-10-23', '+02:00'],
    ['2026-10-26', '+01:00'],
  ] as const) {
    t.equal(activity(at(`${day}T05:59:59${offset}`)), 'off', day)
    t.equal(activity(at(`${day}T06:00:00${offset}`)), 'work', day)
    t.equal(activity(at(`${day}T21:59:59${offset}`)), 'work', day)
    t.equal(activity(at(`${day}T22:00:00${offset}`)), 'off', day)
  }
})

t.test('gives the night shift seven hours in spring and nine in autumn', async (t) => {
  const { isOn } = calendar('continuous')
  const hoursOf = (from: string, to: string): number => (at(to) - at(from)) / HOUR_MS
  for (const [from, to, hours] of [
    ['2026-03-28T22:00:00+01:00', '2026-03-29T06:00:00+02:00', 7],
    ['2026-10-24T22:00:00+02:00', '2026-10-25T06:00:00+01:00', 9],
  ] as const) {
    t.equal(hoursOf(from, to), hours)
    for (let atMs = at(from); atMs < at(to); atMs += 15 * MINUTE_MS) t.ok(isOn(atMs), new Date(atMs).toISOString())
  }
})

t.test('gives every sensor every reading once in the nights in which clocks change', async (t) => {
  for (const night of ['2026-03-29T00:00:00+01:00', '2026-10-25T00:00:00+02:00']) {
    const readings = simulate({ seed: 2, fromMs: at(night), toMs: at(night) + 5 * HOUR_MS, intervalMs: MINUTE_MS })
    for (const [sensor, ofSensor] of Map.groupBy(readings, (reading) => reading.sensor)) {
      const steps = ofSensor.map(({ ts = 0 }, index) => ts - at(night) - (index + 1) * MINUTE_MS)
      t.ok(steps.length === 300 && steps.every((step) => step === 0), `${sensor}, ${night}`)
    }
  }
})

t.test('lets the night shift of Friday end on Saturday, and begin none on Sunday', async (t) => {
  const { at: activity } = calendar('three-shift')
  t.equal(activity(at('2026-06-13T05:00:00+02:00')), 'work')
  t.equal(activity(at('2026-06-13T06:00:00+02:00')), 'off')
  t.equal(activity(at('2026-06-15T05:59:00+02:00')), 'off')
  t.equal(activity(at('2026-06-15T06:00:00+02:00')), 'work')
  t.equal(activity(at('2026-06-16T00:30:00+02:00')), 'break')
})

t.test('knows the holidays that move with Easter', async (t) => {
  const day = (date: string): number => Date.parse(date) / (24 * HOUR_MS)
  for (const date of [
    '2026-04-03',
    '2026-04-06',
    '2026-05-14',
    '2026-05-25',
    '2027-03-26',
    '2027-03-29',
    '2026-12-25',
    '2027-01-01',
  ]) {
    t.ok(isHoliday(day(date)), date)
  }
  for (const date of ['2026-04-07', '2026-06-10', '2026-12-23', '2027-04-05']) t.notOk(isHoliday(day(date)), date)
})

t.test('shows the inrush of a press, and the long warm-up of an oven before the shift', async (t) => {
  const fromMs = at('2026-06-10T04:30:00+02:00')
  const readings = simulate({ seed: 1, fromMs, toMs: fromMs + 6 * HOUR_MS, intervalMs: 1_000 })
  const press = seriesOf(readings, 'press-1', 'power_w')
  const running = press.slice(3 * 3_600).toSorted((a, b) => a - b)
  const start = Math.max(...press.slice(0, 2 * 3_600))
  const usual = running[Math.floor(running.length * 0.5)] ?? 0
  t.ok(start > 3 * usual, `start ${start} W, usually ${usual} W`)

  const oven = seriesOf(readings, 'oven-1', 'power_w')
  const temperature = seriesOf(readings, 'oven-1', 'temperature_c')
  const warmUp = oven.slice(20 * 60, 60 * 60)
  t.ok(Math.min(...warmUp) > 40_000, 'the heater is on all the time while it warms up')
  t.ok(Math.min(...temperature.slice(7_200)) > 190 && Math.max(...temperature) < 210, 'then the thermostat holds 200 degrees')
  t.ok(mean(oven.slice(7_200)) < 0.8 * mean(warmUp), 'with the heater on for a part of the time')
})

t.test('keeps the pressure of the air between the limits of the switch while a line works', async (t) => {
  const fromMs = at('2026-06-10T07:00:00+02:00')
  const readings = simulate({ seed: 1, fromMs, toMs: fromMs + 4 * HOUR_MS })
  const pressure = seriesOf(readings, 'compressor-1', 'pressure_bar')
  const power = seriesOf(readings, 'compressor-1', 'power_w')
  t.ok(Math.min(...pressure) > 6.6 && Math.max(...pressure) < 8.2, `${Math.min(...pressure)} to ${Math.max(...pressure)} bar`)
  t.ok(Math.max(...power) > 3 * Math.min(...power), 'loaded takes far more than unloaded')
})

t.test('makes the chiller work harder in July than in January', async (t) => {
  const chiller = (from: string): number => {
    const readings = simulate({ seed: 1, fromMs: at(from), toMs: at(from) + 96 * HOUR_MS, intervalMs: MINUTE_MS })
    return mean(seriesOf(readings, 'chiller-1', 'power_w'))
  }
  const [july, january] = [chiller('2026-07-20T00:00:00+02:00'), chiller('2026-01-19T00:00:00+01:00')]
  t.ok(july > 1.5 * january, `July ${Math.round(july)} W, January ${Math.round(january)} W`)
})

t.test('knows zones with odd offsets, and refuses ones that do not exist', async (t) => {
  t.equal(createTimeZone('UTC').offsetMs(0), 0)
  t.equal(createTimeZone('Asia/Kathmandu').offsetMs(at('2026-01-01')), 5.75 * HOUR_MS)
  t.equal(createTimeZone('America/St_Johns').offsetMs(at('2026-01-01')), -3.5 * HOUR_MS)
  t.equal(createTimeZone('Europe/Amsterdam').offsetMs(at('2026-03-29T00:59:59Z')), HOUR_MS)
  t.equal(createTimeZone('Europe/Amsterdam').offsetMs(at('2026-03-29T01:00:00Z')), 2 * HOUR_MS)
  t.throws(() => createTimeZone('Mars/Olympus'), { code: 'usage.invalid' })
})
