import { EXIT } from '../../operate/output/exit-codes.ts'
import { REMEDY_BY_CODE } from '../../platform/runtime/errors.ts'
import { PROBLEMS } from '../../schemas/api/problem.ts'
import { ERROR_NOTES } from './error-notes.ts'
import { code, type Page, page, table } from './markdown.ts'

const REMEDIES: Readonly<Record<string, string>> = {
  reject: 'not accepted; the same again fails again',
  retry: 'something is away; tried again with growing pauses',
  stop: 'the program can not start',
}

const EXITS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'Done.',
  usage: 'The command was used wrongly: an unknown command or flag, or one that is missing.',
  data: 'What was given to the command can not be used, or is not there.',
  unavailable: 'Something that is needed is away: a store, a port, the running process. Try again.',
  bug: 'A bug in Millrace. Please report it.',
  configuration: 'The configuration or the state on disk forbids to start. A person must act.',
}

const exitNames: Readonly<Record<string, string>> = EXITS

const NOTES: Readonly<Record<string, string>> = ERROR_NOTES
const remedies: Readonly<Record<string, string>> = REMEDY_BY_CODE
const remedyOf = (name: string): string => remedies[name] ?? ''

export function errorsPage(): Page {
  return page('docs/reference/errors.md', {
    title: 'Errors',
    source: 'platform/runtime/errors.ts, schemas/api/problem.ts and docs/generate/error-notes.ts',
    blocks: [
      'Every error has a code, which is a contract, and a message, which is for people and may change. What refuses a *message* of a ' +
        'gateway is not an error of the program: see the [rejection reasons](rejection-reasons.md).',
      '## Exit codes',
      table(
        ['exit code', 'meaning'],
        Object.entries(EXIT).map(([name, status]) => [String(status), exitNames[name] ?? '']),
      ),
      '## Errors of the program',
      table(
        ['code', 'then', 'what it means, what to do'],
        Object.entries(NOTES).map(([name, note]) => [`<a id="${name}"></a>${code(name)}`, REMEDIES[remedyOf(name)] ?? '', note]),
      ),
      '## Errors of the API',
      'Answers other than 2xx are problem details (RFC 9457), `application/problem+json`. Their `type` ends in one of these names. ' +
        '`detail` says what is wrong with this request, `instance` is its id, as in `X-Request-Id`.',
      ...Object.entries(PROBLEMS).flatMap(([kind, { status, title, help }]) => [
        `### ${kind.replace('.', '-')}`,
        `**${status} ${title}** (${code(kind)}). ${help}`,
      ]),
    ],
  })
}
