import type { FromSchema } from 'json-schema-to-ts'

const file = { type: 'string', minLength: 1 } as const

/** The name of the one cell, where there is no table of them. A table that is made later must keep it. */
export const MAIN_CELL = 'main'

/** The table of cells: MILLRACE_INFLUX_CELLS_FILE. */
export const influxCellsSchema = {
  type: 'array',
  minItems: 1,
  maxItems: 32,
  items: {
    type: 'object',
    required: ['name', 'url', 'org', 'bucket'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,62}$' },
      url: { type: 'string', pattern: '^https?://[^/?#@]+/?$' },
      org: { type: 'string', minLength: 1 },
      bucket: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$' },
      readTokenFile: file,
      writeTokenFile: file,
      adminTokenFile: file,
      caFile: file,
    },
  },
} as const

export type InfluxCells = FromSchema<typeof influxCellsSchema>
