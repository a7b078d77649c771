import { TOKEN_SCOPES } from '../../schemas/tokens.ts'
import { code, type Page, page, table } from './markdown.ts'
import { isRecord } from './modules.ts'
import { describeApi } from './openapi.ts'
import { fieldsOf, limitsOf, typeOf } from './schema-fields.ts'

type Json = Readonly<Record<string, unknown>>

export async function apiPage(): Promise<Page> {
  const { document, routes } = await describeApi()
  const accessByUrl = new Map(routes.map(({ url, access }) => [url.replaceAll(/:(\w+)/g, '{$1}'), String(access)]))
  const root = recordOf(document)
  return page('docs/reference/api.md', {
    title: 'API',
    source: 'the routes of query-api/ and the schemas in schemas/api/',
    blocks: [
      String(recordOf(root.info).description ?? ''),
      'A running Millrace shows the same at `/docs`, where it can be tried, and as OpenAPI 3.1 at `/v1/openapi.json`.',
      '## Tokens and scopes',
      'Send `Authorization: Bearer mlr_…`. A token belongs to one tenant and has scopes:',
      table(
        ['scope', 'allows'],
        Object.entries(TOKEN_SCOPES).map(([scope, allows]) => [code(scope), allows]),
      ),
      'Every answer other than 2xx is a problem of the [list of errors](errors.md#errors-of-the-api).',
      ...Object.entries(recordOf(root.paths)).flatMap(([path, item]) =>
        Object.entries(recordOf(item)).flatMap(([method, operation]) => {
          return operationBlocks(`${method.toUpperCase()} ${path}`, recordOf(operation), accessByUrl.get(path) ?? 'public')
        }),
      ),
    ],
  })
}

function operationBlocks(heading: string, operation: Json, access: string): readonly string[] {
  const summary = [operation.summary, operation.description]
    .filter((text) => typeof text === 'string')
    .map((text) => text.replace(/\.$/, ''))
    .join('. ')
  const isOpen = access.startsWith('public')
  const parameters = listOf(operation.parameters).map(recordOf)
  const blocks = [`## ${heading}`, `${summary}. ${isOpen ? 'No token is needed.' : `Scope: ${code(access)}.`}`]
  if (parameters.length > 0)
    blocks.push(table(['parameter', 'in', 'default', 'allowed', 'meaning'], parameters.map(parameterRow)))
  for (const [status, response] of Object.entries(recordOf(operation.responses))) {
    blocks.push(...answerBlocks(status, recordOf(response)))
  }
  return blocks
}

function parameterRow({ name, required, schema, description, in: place }: Json): readonly string[] {
  const { default: byDefault, ...rest } = recordOf(schema)
  const fallback = byDefault === undefined ? (required === true ? 'required' : '') : code(String(byDefault))
  return [
    code(String(name)),
    String(place),
    fallback,
    [typeOf(rest), limitsOf(rest)].filter(Boolean).join(', '),
    String(description ?? ''),
  ]
}

/** The fields of an answer that isn't a problem; problems are all alike. */
function answerBlocks(status: string, response: Json): readonly string[] {
  return Object.entries(recordOf(response.content)).flatMap(([type, content]) => {
    if (type.endsWith('problem+json')) return []
    const fields = fieldsOf(recordOf(recordOf(content).schema))
    if (fields.length === 0) return [`Answer ${status}: ${code(type)}.`]
    return [
      `Answer ${status}, ${code(type)}:`,
      table(
        ['field', 'type', 'meaning'],
        fields.map((field) => [code(field.path), field.type + (field.isRequired ? '' : ', optional'), field.meaning]),
      ),
    ]
  })
}

const recordOf = (value: unknown): Json => (isRecord(value) ? value : {})
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
