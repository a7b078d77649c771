// Run as a program: appends record after record, many at a time, and says each that is durable; until it is killed.
import { lockFolder } from '../../../platform/adapters/sqlite/folder-lock.ts'
import { openSqliteLog } from '../../../platform/adapters/sqlite/log/open.ts'
import { logOptions, single } from './open-log.ts'

const AT_ONCE = 16
const [folder = '', from = '0', holds = 'log'] = process.argv.slice(2)

lockFolder(folder)
if (holds === 'lock') {
  process.stdout.write('locked\n')
  setInterval(() => undefined, 1_000)
} else {
  const log = await openSqliteLog(logOptions(folder))
  let next = Number(from)
  const write = async (): Promise<void> => {
    for (;;) {
      const value = next++
      await log.append([single(`${value} ${'x'.repeat((value * 97) % 3_000)}`)])
      process.stdout.write(`${value}\n`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, write))
}
