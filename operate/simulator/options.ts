import { MillraceError } from '../../platform/runtime/errors.ts'
import type { Logger } from '../../platform/runtime/log.ts'
import { READINGS_MAX } from '../../schemas/message.ts'
import type { GatewayCredentials } from './gateway-link.ts'
import { DEFAULT_OUTAGES, type OutagePattern } from './outages.ts'
import type { OutgoingMessage } from './outbox.ts'
import { GATEWAYS_MAX, INTERVAL_MS_DEFAULT, INTERVAL_MS_MAX, INTERVAL_MS_MIN, requireWhole } from './plan.ts'

/** Readings of history, over all gateways: acknowledged, and in all. */
export interface SimulatorProgress {
  readonly done: number
  readonly total: number
}

export interface SimulatorOptions {
  readonly host: string
  readonly port: number
  /** The root certificate that the listener must show, PEM. */
  readonly caPem: string
  /** The first gateway of a tenant is the first one of `factoryPlan`, and so on; every tenant has a factory of its own. */
  readonly gateways: readonly GatewayCredentials[]
  /** Default 1. A tenant's factory depends on this and on the tenant's id. */
  readonly seed?: number
  /** IANA name; default `Europe/Amsterdam`. */
  readonly timeZone?: string
  /** Days of history before now, 0 (the default) to 390. */
  readonly backfillDays?: number
  /**
   * Simulated seconds in a real second while there is history, 1 to 1,000,000; default: as fast as the server acknowledges.
   * Simulated time never passes real time: once the history is through, the factory goes on live, a second a second.
   */
  readonly speed?: number
  /** Time between two readings of a sensor in the history; default 60,000, at most an hour. */
  readonly historyIntervalMs?: number
  /** Time between two live readings, 1,000 to 60,000; default 10,000. */
  readonly intervalMs?: number
  /** When the counters began, epoch milliseconds, whole minutes. Give the same one again and a later run continues the same factory. Default: the start of the history. */
  readonly originMs?: number
  /** Ends the run when the history has been acknowledged, instead of going on live. */
  readonly isHistoryOnly?: boolean
  /** `null` for gateways that never lose their connection. Default: twice a day, up to 12 minutes. */
  readonly outages?: OutagePattern | null
  /** 100 to 5,000; default 300. */
  readonly readingsPerMessage?: number
  /** Messages without an acknowledgement at a time, per gateway; default 8. */
  readonly inFlightMax?: number
  readonly onProgress?: (progress: SimulatorProgress) => void
  /** Called once, when all history has been acknowledged; at once where there is none. */
  readonly onLive?: () => void
  /** Awaited before a message leaves for the first time, so that a ledger can be durable first. */
  readonly onSent?: (message: OutgoingMessage) => void | Promise<void>
  readonly onAcked?: (message: OutgoingMessage) => void
  /** Epoch milliseconds; default `Date.now`. */
  readonly clock?: () => number
  readonly log: Logger
}

type Defaulted = 'onProgress' | 'onLive' | 'onSent' | 'onAcked' | 'originMs'
export type Settings = Required<Omit<SimulatorOptions, Defaulted>> & Pick<SimulatorOptions, Defaulted>

/** Readings older than 13 months would be refused. */
const DAYS_MAX = 390
const SPEED_MAX = 1_000_000
const HISTORY_INTERVAL_MS_DEFAULT = 60_000
const HISTORY_INTERVAL_MS_MAX = 3_600_000
const READINGS_PER_MESSAGE_MIN = 100
/** Making one takes 2 ms; at 500, the event loop that shares this thread was late by 60 ms. */
const READINGS_PER_MESSAGE_DEFAULT = 300
const IN_FLIGHT_MAX = 100
const MINUTE_MS = 60_000

/** Fills in what was left out. @throws {MillraceError} `usage.invalid` - a value out of bounds. */
export function settle(options: SimulatorOptions): Settings {
  const settings: Settings = {
    seed: 1,
    timeZone: 'Europe/Amsterdam',
    backfillDays: 0,
    speed: Number.POSITIVE_INFINITY,
    historyIntervalMs: HISTORY_INTERVAL_MS_DEFAULT,
    intervalMs: INTERVAL_MS_DEFAULT,
    isHistoryOnly: false,
    outages: DEFAULT_OUTAGES,
    readingsPerMessage: READINGS_PER_MESSAGE_DEFAULT,
    inFlightMax: 8,
    clock: Date.now,
    ...options,
  }
  requireWhole('seed', settings.seed, 0, 2 ** 32 - 1)
  requireWhole('historyIntervalMs', settings.historyIntervalMs, INTERVAL_MS_MIN, HISTORY_INTERVAL_MS_MAX)
  requireWhole('intervalMs', settings.intervalMs, INTERVAL_MS_MIN, INTERVAL_MS_MAX)
  requireWhole('readingsPerMessage', settings.readingsPerMessage, READINGS_PER_MESSAGE_MIN, READINGS_MAX)
  requireWhole('inFlightMax', settings.inFlightMax, 1, IN_FLIGHT_MAX)
  require('backfillDays', settings.backfillDays, 0, DAYS_MAX)
  if (settings.speed !== Number.POSITIVE_INFINITY) require('speed', settings.speed, 1, SPEED_MAX)
  if (settings.originMs !== undefined && settings.originMs % MINUTE_MS !== 0) {
    throw new MillraceError('usage.invalid', `originMs must be a whole minute, and is ${settings.originMs}.`)
  }
  for (const [tenant, gateways] of Map.groupBy(settings.gateways, (gateway) => gateway.tenant)) {
    requireWhole(`The number of gateways of ${tenant}`, gateways.length, 1, GATEWAYS_MAX)
  }
  return settings
}

function require(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return
  throw new MillraceError('usage.invalid', `${name} must lie between ${min} and ${max}, and is ${value}.`)
}
