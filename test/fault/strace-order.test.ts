// Goal: the judge of the system calls reads strace's lines rightly, also where no strace is installed.
import t from 'tap'
import { checkOrder, findPubacks } from './strace/check-order.ts'
import { parseTrace } from './strace/parse-trace.ts'

const hex = (text: string): string =>
  [...Buffer.from(text, 'latin1')].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
const WAL = `21<${hex('/data/log.sqlite-wal')}>`
const SOCKET = '30<TCP:[127.0.0.1:1883->127.0.0.1:50000]>'
const PUBACK_7 = hex('\x40\x02\x00\x07')

const WRITE = `11 1.000001 pwrite64(${WAL}, "${hex('page with [message 7]')}", 21, 32) = 21`
const SYNC_BEGINS = `11 1.000002 fdatasync(${WAL} <unfinished ...>`
const SYNC_ENDS = '11 1.000004 <... fdatasync resumed>)    = 0'
const SYNC_FAILS = '11 1.000004 <... fdatasync resumed>)    = -1 EIO (Input/output error) (INJECTED)'
const ACK = `10 1.000005 write(${SOCKET}, "${PUBACK_7}", 4) = 4`

function judge(...lines: readonly string[]) {
  const calls = parseTrace(`${lines.join('\n')}\n`, () => true)
  return checkOrder(calls, findPubacks(calls, new Map([[7, '[message 7]']])), '/log.sqlite-wal')
}

t.test('a message that was written, synced and then acknowledged is in order', async (t) => {
  const { faults, messages } = judge(WRITE, SYNC_BEGINS, SYNC_ENDS, ACK)
  t.same(faults, [])
  t.same(messages, [{ marker: '[message 7]', writtenAt: 0, syncedAt: 2, ackedAt: 3 }])
})

t.test('an acknowledgement before the sync has returned is found', async (t) => {
  t.same(judge(WRITE, SYNC_BEGINS, ACK, SYNC_ENDS).faults, ['not-synced-before'])
  t.same(judge(WRITE, ACK).faults, ['not-synced-before'])
})

t.test('a sync that failed, or that began before the write, is none', async (t) => {
  t.same(judge(WRITE, SYNC_BEGINS, SYNC_FAILS, ACK).faults, ['not-synced-before'])
  t.same(judge(SYNC_BEGINS, WRITE, SYNC_ENDS, ACK).faults, ['not-synced-before'])
})

t.test('an acknowledgement of what was never written is found', async (t) => {
  t.same(judge(SYNC_BEGINS, SYNC_ENDS, ACK).faults, ['not-written-before'])
})

t.test('several acknowledgements in one write, and in pieces of one, are all seen', async (t) => {
  const pieces = `10 1.000005 writev(${SOCKET}, [{iov_base="${PUBACK_7}", iov_len=4}, {iov_base="${hex('\x40\x02\x00\x08')}", iov_len=4}], 2) = 8`
  const calls = parseTrace(pieces, () => true)
  const markers = new Map([
    [7, 'seven'],
    [8, 'eight'],
  ])
  t.same(
    findPubacks(calls, markers).map(({ marker }) => marker),
    ['seven', 'eight'],
  )
})

t.test('what strace has cut off is not judged', async (t) => {
  const cut = `11 1.000001 pwrite64(${WAL}, "${hex('page')}"..., 16384, 32) = 16384`
  t.throws(() => parseTrace(cut, () => true), /cut off/)
  t.same(
    parseTrace(cut, () => false),
    [],
    'unless nobody asked for it',
  )
})
