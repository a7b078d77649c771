const DAY_MS = 86_400_000
const ANSWERS_MAX = 2_000

/** 1 January, 1 May, and the factory's closure around Christmas; month and day. */
const FIXED_HOLIDAYS = ['01-01', '05-01', '12-24', '12-25', '12-26', '12-31'] as const
/** Good Friday, Easter Monday, Ascension Day, Whit Monday; days after Easter Sunday. */
const EASTER_HOLIDAYS = [-2, 1, 39, 50] as const

/** Asked for every step of every machine, so the answers are kept. */
const answers = new Map<number, boolean>()

/** @param day  A local calendar day, counted from 1 January 1970. */
export function isHoliday(day: number): boolean {
  const known = answers.get(day)
  if (known !== undefined) return known
  if (answers.size >= ANSWERS_MAX) answers.clear()
  const answer = computeHolidays(new Date(day * DAY_MS).getUTCFullYear()).has(day)
  answers.set(day, answer)
  return answer
}

function computeHolidays(year: number): ReadonlySet<number> {
  const easter = easterSunday(year)
  return new Set([
    ...FIXED_HOLIDAYS.map((monthAndDay) => Date.parse(`${year}-${monthAndDay}`) / DAY_MS),
    ...EASTER_HOLIDAYS.map((after) => easter + after),
  ])
}

/** The anonymous Gregorian computus (Meeus, "Astronomical Algorithms", chapter 8). Letters as there. */
function easterSunday(year: number): number {
  const a = year % 19
  const b = Math.floor(year / 100)
  const c = year % 100
  const h = (19 * a + b - Math.floor(b / 4) - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30
  const l = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - h - (c % 4)) % 7
  const m = Math.floor((a + 11 * h + 22 * l) / 451)
  const monthAndDay = h + l - 7 * m + 114
  return Date.UTC(year, Math.floor(monthAndDay / 31) - 1, (monthAndDay % 31) + 1) / DAY_MS
}
