import { dirname } from 'node:path'
import { code, type Page, page, table } from './markdown.ts'
import { isRecord, loadModules, PRODUCT_FOLDERS } from './modules.ts'
import { limitsOf } from './schema-fields.ts'

interface Variable {
  readonly name: string
  readonly schema: Readonly<Record<string, unknown>>
  readonly isRequired: boolean
}

interface Group {
  readonly source: string
  readonly variables: readonly Variable[]
}

/** `docs/reference/configuration.md` and `.env.example`, from every exported JSON schema whose properties are variables of ours. */
export async function configurationPages(): Promise<readonly Page[]> {
  const modules = await loadModules(`${PRODUCT_FOLDERS}/**/*.ts`, /^\s+MILLRACE_[A-Z0-9_]+: \{/m)
  const groups = modules.map(({ path, exports }) => ({ source: path, variables: Object.values(exports).flatMap(variablesOf) }))
  const known = withoutRepeats(groups)
  return [referencePage(known), examplePage(known)]
}

function referencePage(groups: readonly Group[]): Page {
  return page('docs/reference/configuration.md', {
    title: 'Configuration',
    source: 'the schemas in each config.ts',
    blocks: [
      'Millrace is set up by environment variables. They are read once, at start, and checked together: what is wrong is said in ' +
        'one go, and the program ends with exit code 78. Nothing has to be set. `.env.example` holds all of them; ' +
        'copy it to `.env` and start with `node --env-file=.env operate/main.ts up`.',
      'A variable whose name ends in `_FILE` is a path. The unit of a number is the last word of its name.',
      ...groups.flatMap(groupBlocks),
    ],
  })
}

function groupBlocks({ source, variables }: Group): readonly string[] {
  const rows = variables.map(({ name, schema, isRequired }) => [
    code(name),
    isRequired ? 'required' : code(textOf(schema.default)),
    limitsOf(schema),
    textOf(schema.description),
  ])
  return [`## ${dirname(source)}`, table(['variable', 'default', 'allowed', 'meaning'], rows)]
}

function examplePage(groups: readonly Group[]): Page {
  const blocks = groups.flatMap(({ source, variables }) => [
    `# ---- ${dirname(source)} ----`,
    ...variables.map(({ name, schema }) => {
      const meaning = [textOf(schema.description), limitsOf(schema).replaceAll('`', '')].filter((text) => text !== '').join(' ')
      return `${meaning === '' ? '' : `# ${meaning}\n`}#${name}=${textOf(schema.default)}`
    }),
  ])
  const head =
    '# Every variable that Millrace reads, with its default. Made by `npm run docs`; copy it to .env and take the # away.'
  return { path: '.env.example', text: `${[head, ...blocks].join('\n\n')}\n` }
}

/** A schema of the environment is one with a variable of ours in it; the others in it, such as NO_COLOR, were named by others. */
function variablesOf(exported: unknown): readonly Variable[] {
  if (!isRecord(exported) || !isRecord(exported.properties)) return []
  const properties = Object.entries(exported.properties)
  if (!properties.some(([name]) => name.startsWith('MILLRACE_'))) return []
  const required = Array.isArray(exported.required) ? exported.required : []
  return properties.flatMap(([name, schema]) => {
    return isRecord(schema) ? [{ name, schema, isRequired: required.includes(name) && schema.default === undefined }] : []
  })
}

/** A variable that several parts read is told once, with the first of them. */
function withoutRepeats(groups: readonly Group[]): readonly Group[] {
  const seen = new Set<string>()
  return groups
    .map(({ source, variables }) => ({
      source,
      variables: variables.filter(({ name }) => {
        const isNew = !seen.has(name)
        seen.add(name)
        return isNew
      }),
    }))
    .filter(({ variables }) => variables.length > 0)
}

const textOf = (value: unknown): string => (value === undefined ? '' : String(value))
