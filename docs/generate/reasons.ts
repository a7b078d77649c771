import { REASONS, REJECTION_HEADERS, STAGES } from '../../schemas/rejection.ts'
import { REJECTED_TOPIC } from '../../schemas/topics.ts'
import { code, type Page, page, table } from './markdown.ts'

const FAMILIES: Readonly<Record<string, string>> = {
  topic: 'The topic',
  tenant: 'The tenant',
  gateway: 'The gateway',
  payload: 'The bytes of the payload',
  message: 'The message',
  reading: 'A reading',
  time: 'The time of a reading',
  store: 'The store',
  record: 'The record of the event log',
}

export function reasonsPage(): Page {
  const families = Map.groupBy(Object.entries(REASONS), ([reason]) => reason.split('.')[0] ?? '')
  return page('docs/reference/rejection-reasons.md', {
    title: 'Rejection reasons',
    source: 'schemas/rejection.ts',
    blocks: [
      'What can not be accepted is never lost: it goes to `rejected.v1` with its original bytes and one of these reasons, and only ' +
        'then is it acknowledged. The list is closed, and the same in the event log, the API, the metrics and here. The good readings of a message ' +
        'with bad ones are kept. [Find a missing reading](../how-to/find-a-missing-reading.md) says how to look.',
      ...[...families].flatMap(([family, reasons]) => [
        `## ${FAMILIES[family] ?? family}`,
        table(
          ['reason', 'what to do'],
          reasons.map(([reason, sentence]) => [code(reason), sentence]),
        ),
      ]),
      `## Headers on ${code(REJECTED_TOPIC)}`,
      'The value of a record is the message as it came; of one larger than 1 MiB, which only the bridge gets, its first 64 KiB. Its key is `tenant/gateway`, ' +
        'or, where it is no known tenant’s, `/` and the topic. Its headers:',
      table(
        ['header', 'holds'],
        Object.entries(REJECTION_HEADERS).map(([name, header]) => [code(header), HEADER_NOTES[name] ?? '']),
      ),
      'The headers named `__connect` are those of Kafka Connect, so that tools which know them can read the topic.',
    ],
  })
}

const HEADER_NOTES: Readonly<Record<string, string>> = {
  reason: 'The reason of the first fault.',
  pointer: 'JSON pointer (RFC 6901) to its place in the message; empty for the whole of it.',
  faults: 'All faults: a JSON array of `{"reason","pointer","detail"}`.',
  attempts: 'How often it was tried.',
  receivedMs: 'When it was received, epoch milliseconds.',
  topic: 'The topic that it came from.',
  partition: 'The partition that it came from, where it had reached the event log.',
  offset: 'Its offset there.',
  stage: `Where on its way it was refused: ${STAGES.map(code).join(' or ')}.`,
  message: 'What was wrong, for people.',
}
