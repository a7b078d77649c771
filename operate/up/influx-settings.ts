import type { Cell } from '../../platform/adapters/influx/cells.ts'
import type { InfluxConfig } from '../../platform/adapters/influx/config.ts'
import { MillraceError } from '../../platform/runtime/errors.ts'
import { compile } from '../../schemas/compile.ts'
import { type InfluxCells, influxCellsSchema, MAIN_CELL } from '../../schemas/influx-cells.ts'
import { readNamed, readRoots } from './read-named.ts'

/** Where the tokens of a cell are kept. */
export interface TokenFiles {
  readonly read?: string
  readonly write?: string
  readonly admin?: string
}

export interface InfluxSettings {
  readonly cells: readonly (Cell & { readonly tokenFiles: TokenFiles })[]
  readonly isCompressed: boolean
}

const isCells = compile<InfluxCells>(influxCellsSchema)

/** @returns undefined when the time-series store is the embedded one. @throws {MillraceError} `config.invalid` when a file can't be read or used. */
export function readInfluxSettings(config: InfluxConfig): InfluxSettings | undefined {
  const { MILLRACE_INFLUX_URL: url, MILLRACE_INFLUX_CELLS_FILE: cellsFile } = config
  if (url !== undefined && cellsFile !== undefined)
    throw new MillraceError('config.invalid', 'Set MILLRACE_INFLUX_URL or MILLRACE_INFLUX_CELLS_FILE, not both.')
  const table = cellsFile === undefined ? onlyCell(config) : readCells(cellsFile)
  if (table.length === 0) return undefined
  return { cells: table.map(toCell), isCompressed: config.MILLRACE_INFLUX_COMPRESSION === 'gzip' }
}

/** @throws {MillraceError} `config.invalid`, when a cell has no such token. */
export function withTokens({ cells }: InfluxSettings, may: keyof TokenFiles): readonly (Cell & { readonly token: string })[] {
  return cells.map(({ tokenFiles, ...cell }) => {
    const token = readNamed(`The ${may} token of InfluxDB`, tokenFiles[may])?.trim()
    if (token !== undefined && token !== '') return { ...cell, token }
    throw new MillraceError(
      'config.invalid',
      `The cell ${cell.name} has no ${may} token. Set MILLRACE_INFLUX_${may.toUpperCase()}_TOKEN_FILE, or ${may}TokenFile in the table of cells; millrace doctor --fix makes the tokens.`,
    )
  })
}

type CellEntry = InfluxCells[number]

function onlyCell(config: InfluxConfig): readonly CellEntry[] {
  if (config.MILLRACE_INFLUX_URL === undefined) return []
  const entry: CellEntry = {
    name: MAIN_CELL,
    url: config.MILLRACE_INFLUX_URL,
    org: config.MILLRACE_INFLUX_ORG,
    bucket: config.MILLRACE_INFLUX_BUCKET,
  }
  const files = {
    readTokenFile: config.MILLRACE_INFLUX_READ_TOKEN_FILE,
    writeTokenFile: config.MILLRACE_INFLUX_WRITE_TOKEN_FILE,
    adminTokenFile: config.MILLRACE_INFLUX_ADMIN_TOKEN_FILE,
    caFile: config.MILLRACE_INFLUX_CA_FILE,
  }
  for (const [name, file] of Object.entries(files)) if (file !== undefined) Object.assign(entry, { [name]: file })
  return [entry]
}

function readCells(path: string): readonly CellEntry[] {
  const text = readNamed('MILLRACE_INFLUX_CELLS_FILE', path) ?? ''
  let cells: unknown
  try {
    cells = JSON.parse(text)
  } catch (cause) {
    throw new MillraceError('config.invalid', `${path} is not JSON.`, { cause })
  }
  if (!isCells(cells)) {
    const [fault] = isCells.errors ?? []
    throw new MillraceError('config.invalid', `${path} is no table of cells: ${fault?.instancePath || 'it'} ${fault?.message}.`)
  }
  if (new Set(cells.map(({ name }) => name)).size < cells.length)
    throw new MillraceError('config.invalid', `${path} names a cell twice.`)
  return cells
}

function toCell({ name, url, org, bucket, caFile, ...files }: CellEntry): InfluxSettings['cells'][number] {
  const caPem = readRoots(`The cell ${name} (MILLRACE_INFLUX_CA_FILE, or caFile)`, caFile)
  const { readTokenFile: read, writeTokenFile: write, adminTokenFile: admin } = files
  const tokenFiles = { ...(read && { read }), ...(write && { write }), ...(admin && { admin }) }
  return { name, url: url.replace(/\/$/, ''), org, bucket, tokenFiles, ...(caPem !== undefined && { caPem }) }
}
