import { createRandomStream, deriveSeed } from './random.ts'

export interface Weather {
  /** Outdoor temperature in degrees Celsius. */
  temperatureC(atMs: number): number
  /** Relative humidity, 0 to 100. */
  humidityPercent(atMs: number): number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const YEAR_DAYS = 365.25
/** The middle of January is coldest, three in the afternoon is warmest. */
const COLDEST_DAY = 18
const WARMEST_HOUR = 15

/**
 * A temperate, maritime climate of the northern half: season, time of day, and fronts that pass in days.
 *
 * @param solarOffsetMs  What to add to UTC for the sun's time: no summer time, the sun doesn't know it.
 */
export function createWeather(seed: number, solarOffsetMs: number): Weather {
  const fronts = createRandomStream(deriveSeed(seed, 'fronts'))
  const clouds = createRandomStream(deriveSeed(seed, 'clouds'))

  function temperatureC(atMs: number): number {
    const days = (atMs + solarOffsetMs) / DAY_MS
    const hour = (days - Math.floor(days)) * 24
    const season = -Math.cos((2 * Math.PI * (days - COLDEST_DAY)) / YEAR_DAYS)
    const cloudiness = (clouds.drift(atMs, 9 * HOUR_MS) + 1) / 2
    // A clear summer day swings by 11 degrees, a grey one in winter by 3.
    const swing = (3.6 + 1.4 * season) * (1.1 - 0.6 * cloudiness)
    const time = Math.cos((2 * Math.PI * (hour - WARMEST_HOUR)) / 24)
    return 10.6 + 7.4 * season + swing * time + 4.5 * fronts.drift(atMs, 2.6 * DAY_MS) + 0.7 * clouds.drift(atMs, 2 * HOUR_MS)
  }

  return {
    temperatureC,
    humidityPercent(atMs) {
      const cloudiness = (clouds.drift(atMs, 9 * HOUR_MS) + 1) / 2
      return Math.max(25, Math.min(100, 92 - 1.35 * temperatureC(atMs) + 22 * (cloudiness - 0.5)))
    },
  }
}
