import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifySchema } from 'fastify'
import {
  PROBLEM_MEDIA_TYPE,
  PROBLEM_PAGE,
  PROBLEMS,
  type ProblemKind,
  problemPage,
  problemSchema,
} from '../schemas/api/problem.ts'
import { TOKEN_SCOPES } from '../schemas/tokens.ts'
import type { Access } from './guard.ts'

/** A water wheel in its channel, and the name. */
const LOGO = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 44" height="40"><g fill="none" stroke="#fff" stroke-width="3">
<circle cx="22" cy="20" r="13"/><path d="M22 7v26M9 20h26M13 11l18 18M31 11L13 29"/><path d="M2 39q5-4 10 0t10 0 10 0 10 0"/></g>
<text x="52" y="29" fill="#fff" font-family="sans-serif" font-size="26" font-weight="600">Millrace</text></svg>`

/** Everything comes from here, and no script or style stands in the page itself. */
const DOCS_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'X-Request-Id': { schema: { type: 'string' }, description: 'The id of the request: the one it came with, or a new one.' },
  RateLimit: { schema: { type: 'string' }, description: 'How many requests are left, and in how many seconds all are back.' },
  Link: { schema: { type: 'string' }, description: 'The address of the next page, `rel="next"`, where there is one.' },
} as const

const ALWAYS: readonly ProblemKind[] = [
  'query.invalid',
  'method.refused',
  'answer.unacceptable',
  'url.too-long',
  'rate.exceeded',
  'internal.error',
]
const WITH_TOKEN: readonly ProblemKind[] = ['token.missing', 'token.scope-missing', 'service.unavailable']

/** Register it before the routes: it learns of them as they are added. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  app.addSchema(problemSchema)
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Millrace',
        version,
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
        description:
          'Readings of sensors, exactly as they came in. The tenant is the one of the token. Times are RFC 3339 or epoch milliseconds in and RFC 3339 out; ranges are half-open; `next` is the cursor of the next page, or null; errors are problem details (RFC 9457).',
      },
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: `Made with \`millrace tokens create\`. ${Object.entries(TOKEN_SCOPES)
              .map(([scope, allows]) => `\`${scope}\`: ${allows}`)
              .join(' ')}`,
          },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) => (typeof json.$id === 'string' ? json.$id : `schema-${index}`),
    },
    transform: ({ schema, url, route }) => ({ schema: withProblems(schema, route.config?.access), url }),
  })
}

/** The document, the page that shows it, and the page that problem types point to. */
export async function registerDocs(app: FastifyInstance): Promise<void> {
  const config = { access: 'public' } as const
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    staticCSP: DOCS_CSP,
    theme: { title: 'Millrace API' },
    logo: { type: 'image/svg+xml', content: LOGO, href: '/docs', target: '_self' },
    uiConfig: { deepLinking: true, docExpansion: 'list', tryItOutEnabled: true, persistAuthorization: false },
  })
  app.get('/v1/openapi.json', { config, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(app.swagger()),
  )
  app.get('/', { config, schema: { hide: true } }, async (_request, reply) => reply.redirect('/docs'))
  app.get(PROBLEM_PAGE, { config, schema: { hide: true } }, async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(problemPage()),
  )
}

/** What the route itself declares, with what can go wrong with any route, and who may ask. */
function withProblems(schema: FastifySchema, access: Access | undefined): FastifySchema {
  if (schema === undefined || schema.hide === true) return schema
  const isOpen = access === 'public' || access === 'public-unlimited'
  const kinds = [...ALWAYS, ...(isOpen ? [] : WITH_TOKEN), ...(schema.params === undefined ? [] : (['route.unknown'] as const))]
  const problems = kinds.map((kind) => {
    const { status, title } = PROBLEMS[kind]
    return [status, { description: title, content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: 'Problem#' } } } }] as const
  })
  const declared: object = Object(schema.response)
  const answers = Object.entries(declared).map(([status, answer]) => {
    return [
      status,
      { description: schema.summary, headers: HEADERS, content: { 'application/json': { schema: answer } } },
    ] as const
  })
  return {
    ...schema,
    security: isOpen ? [] : [{ token: [] }],
    response: { ...Object.fromEntries(problems), ...Object.fromEntries(answers) },
  }
}
