/** The kinds of problem that the API answers with. The key is the contract: it ends the `type`, and `title` never varies. */
export const PROBLEMS = {
  'request.malformed': {
    status: 400,
    title: 'The request can not be read',
    help: 'Send HTTP/1.1 as RFC 9112 has it, with a path whose percent-encoding is complete.',
  },
  'query.invalid': {
    status: 400,
    title: 'The parameters are not valid',
    help: 'Correct the parameters that `errors` names. A parameter that the route does not know is refused, so that a typing error is not mistaken for an answer.',
  },
  'token.missing': {
    status: 401,
    title: 'A token is needed',
    help: 'Send `Authorization: Bearer mlr_...`. An operator makes a token with `millrace tokens create`.',
  },
  'token.refused': {
    status: 401,
    title: 'The token is not valid',
    help: 'The token is unknown, has expired or was revoked. Ask an operator for a new one.',
  },
  'token.scope-missing': {
    status: 403,
    title: 'The token does not allow this',
    help: 'Use a token that was made with the scope named in `detail`.',
  },
  'route.unknown': {
    status: 404,
    title: 'There is nothing at this address',
    help: 'The routes are listed at `/v1/openapi.json` and shown at `/docs`. Names of sensors and gateways are case-sensitive.',
  },
  'sensor.unknown': {
    status: 404,
    title: 'There is no such sensor',
    help: 'List the sensors with `/v1/sensors`. A sensor appears once its first reading has been stored.',
  },
  'gateway.unknown': {
    status: 404,
    title: 'There is no such gateway',
    help: 'List the gateways with `/v1/gateways`.',
  },
  'rejection.unknown': {
    status: 404,
    title: 'There is no such rejection',
    help: 'Take the `id` from `/v1/rejected`. Rejections are forgotten when their retention ends.',
  },
  'method.refused': {
    status: 405,
    title: 'The API can only be read',
    help: 'Use GET or HEAD. Everything that changes something is done by an operator with `millrace`.',
  },
  'answer.unacceptable': {
    status: 406,
    title: 'There is no answer in this format',
    help: 'Send `Accept: application/json`, or no `Accept` at all.',
  },
  'request.timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Send the whole of the request at once.',
  },
  'url.too-long': {
    status: 414,
    title: 'The address is too long',
    help: 'Ask for fewer sensors or metrics at once. An address may have 16,384 characters, a name in it 256.',
  },
  'rate.exceeded': {
    status: 429,
    title: 'Too many requests',
    help: 'Wait for the seconds in `Retry-After`. Every answer says in `RateLimit` how many requests are left.',
  },
  'request.too-large': {
    status: 431,
    title: 'The headers are too large',
    help: 'Headers and address together may have 32 KiB.',
  },
  'internal.error': {
    status: 500,
    title: 'Something is wrong on our side',
    help: 'Nothing in the request needs to change. Give the operator the request id in `instance`; the log of the service tells the rest.',
  },
  'service.unavailable': {
    status: 503,
    title: 'A store is away',
    help: 'Try again after the seconds in `Retry-After`. `/readyz` tells which store it is.',
  },
} as const

export type ProblemKind = keyof typeof PROBLEMS

export function isProblemKind(text: string): text is ProblemKind {
  return Object.hasOwn(PROBLEMS, text)
}

/** Where problem types are explained: a page of the documentation, which the API itself serves too. */
export const PROBLEM_PAGE = '/docs/reference/errors.md'

/** RFC 9457 `type`: a place on the page above. */
export const problemType = (kind: ProblemKind): string => `${PROBLEM_PAGE}#${kind.replace('.', '-')}`

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** Problem details, RFC 9457. */
export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  additionalProperties: false,
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string', description: 'What kind of problem it is: a page that explains it. Stable.' },
    title: { type: 'string', description: 'The kind in words. Stable.' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: { type: 'string', description: 'What is wrong with this request, and what to do.' },
    instance: { type: 'string', description: 'The id of the request, as in X-Request-Id.' },
    errors: {
      type: 'array',
      description: 'Every parameter that is wrong.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['parameter', 'detail'],
        properties: { parameter: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
} as const

/** The page that `type` points to, in Markdown: one heading for each kind. */
export function problemPage(): string {
  const sections = Object.entries(PROBLEMS).map(
    ([kind, { status, title, help }]) => `## ${kind.replace('.', '-')}\n\n**${status} ${title}.** ${help}\n`,
  )
  return `# Errors of the API\n\nAnswers other than 2xx are problem details (RFC 9457), \`application/problem+json\`. Their \`type\` ends in one of these names.\n\n${sections.join('\n')}`
}
