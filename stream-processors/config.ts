export interface ProcessConfig {
  MILLRACE_PROCESS_BATCH_RECORDS_MAX: number
  MILLRACE_PROCESS_BATCH_BYTES_MAX: number
  MILLRACE_PROCESS_GATHER_MS: number
  MILLRACE_RETENTION_DAYS: number
}

export const processConfig = {
  type: 'object',
  properties: {
    MILLRACE_PROCESS_BATCH_RECORDS_MAX: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      default: 10_000,
      description: 'Messages that are stored in one transaction at most.',
    },
    MILLRACE_PROCESS_BATCH_BYTES_MAX: {
      type: 'integer',
      minimum: 1_048_576,
      maximum: 67_108_864,
      default: 4_194_304,
      description: 'The same in bytes.',
    },
    MILLRACE_PROCESS_GATHER_MS: {
      type: 'integer',
      minimum: 0,
      maximum: 1_000,
      default: 30,
      description:
        'A batch that was not full is followed by the next one after so long at the earliest, so that that one is larger: cheaper, and later by as much.',
    },
    MILLRACE_RETENTION_DAYS: {
      type: 'integer',
      minimum: 1,
      maximum: 3_650,
      default: 396,
      description: 'Readings are kept this long (13 months); older ones are refused.',
    },
  },
} as const
