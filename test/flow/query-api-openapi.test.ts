import t from 'tap'
import { compile } from '../../schemas/compile.ts'
import { type Body, createWorld, startApi } from './query-api-world.ts'

// Goal: the OpenAPI document is OpenAPI 3.1, names every route and no other, and its schemas can be compiled.
// Method: the rules of the specification that a document of ours could break, and the router's own list.
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']
const PATH_ITEM = new Set([...METHODS, 'summary', 'description', 'servers', 'parameters', '$ref'])
const OPERATION = new Set([
  ...['tags', 'summary', 'description', 'externalDocs', 'operationId', 'parameters', 'requestBody', 'responses'],
  ...['callbacks', 'deprecated', 'security', 'servers'],
])
const UNDOCUMENTED = /^\/(docs.*|v1\/openapi\.json)?$/

const isObject = (value: unknown): value is Body => typeof value === 'object' && value !== null && !Array.isArray(value)
const object = (value: unknown): Body => (isObject(value) ? value : {})
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

async function readDocument(t: Parameters<typeof createWorld>[0]) {
  const { stores } = await createWorld(t)
  const { get, routes } = await startApi(t, stores)
  const { body, headers } = await get('/v1/openapi.json')
  t.match(headers.get('content-type'), /^application\/json/)
  const operations = Object.entries(object(body?.paths)).flatMap(([path, item]) =>
    Object.entries(object(item)).map(([method, operation]) => ({ path, method, operation: object(operation) })),
  )
  return { document: object(body), routes, operations }
}

t.test('the document names the routes of the router and no other', async (t) => {
  const { routes, operations } = await readDocument(t)
  const routed = routes.filter(({ method, url }) => method === 'GET' && !UNDOCUMENTED.test(url))
  t.same(
    operations.map(({ method, path }) => `${method} ${path}`).sort(),
    routed.map(({ url }) => `get ${url.replaceAll(/:(\w+)/g, '{$1}')}`).sort(),
  )
  t.ok(routed.length >= 11)
})

t.test('the document keeps the rules of OpenAPI 3.1', async (t) => {
  const { document, operations } = await readDocument(t)
  t.match(document.openapi, /^3\.1\.\d+$/)
  t.match(document.info, { title: 'Millrace', version: '0.0.0-test', license: { identifier: 'Apache-2.0' } })
  const ids = operations.map(({ operation }) => operation.operationId)
  t.equal(new Set(ids).size, ids.length, 'every operation has an id of its own')
  for (const item of Object.values(object(document.paths)))
    for (const key of Object.keys(object(item))) t.ok(PATH_ITEM.has(key), key)
  for (const { path, method, operation } of operations) {
    t.test(`${method} ${path}`, async (t) => {
      for (const key of Object.keys(operation)) t.ok(OPERATION.has(key), key)
      t.type(operation.summary, 'string')
      const parameters = list(operation.parameters).map(object)
      const keys = parameters.map((parameter) => `${parameter.in} ${parameter.name}`)
      t.equal(new Set(keys).size, keys.length, 'no parameter stands there twice')
      const inPath = parameters.filter((parameter) => parameter.in === 'path')
      t.same(
        inPath.map(({ name }) => name),
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        'the path and its parameters agree',
      )
      for (const parameter of inPath) t.equal(parameter.required, true)
      // A default only has a meaning inside of an object.
      for (const { schema } of parameters)
        t.doesNotThrow(() => compile({ type: 'object', properties: { parameter: object(schema) } }))
      const responses = Object.entries(object(operation.responses))
      t.ok(responses.length > 1)
      for (const [status, response] of responses) {
        t.match(status, /^[1-5](\d\d|XX)$/)
        t.type(object(response).description, 'string')
        t.same(Object.keys(object(object(response).content)), [
          status === '200' || (status === '503' && path === '/readyz') ? 'application/json' : 'application/problem+json',
        ])
      }
    })
  }
})

t.test('every reference leads somewhere, and every schema is one', async (t) => {
  const { document, operations } = await readDocument(t)
  const schemas = object(object(document.components).schemas)
  for (const schema of Object.values(schemas)) t.doesNotThrow(() => compile(object(schema)))
  for (const [, name] of JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)) {
    if (!(`${name}`.replace('#/components/schemas/', '') in schemas)) t.fail(`${name} leads nowhere`)
  }
  for (const { operation } of operations) {
    const answer = object(object(object(operation.responses)['200']).content)['application/json']
    t.doesNotThrow(() => compile(object(object(answer).schema)))
    for (const requirement of list(operation.security)) {
      for (const name of Object.keys(object(requirement))) t.ok(name in object(object(document.components).securitySchemes), name)
    }
  }
})
