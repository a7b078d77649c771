import t from 'tap'
import { exitCodeFor } from '../../operate/commands/doctor.ts'
import { checkEnd, checkGateways } from '../../operate/doctor/certificates.ts'
import { checkClock } from '../../operate/doctor/clock.ts'
import { fail, ok, warn } from '../../operate/doctor/finding.ts'
import { checkFileSystem, checkFolder, checkSpace } from '../../operate/doctor/folder.ts'
import { checkMemory, checkNodeVersion, checkOpenFiles } from '../../operate/doctor/machine.ts'
import { checkPort } from '../../operate/doctor/ports.ts'
import { checkReadiness, checkRunning, READY, RUNNING } from '../../operate/doctor/process.ts'
import { checkStore } from '../../operate/doctor/stores.ts'

const GIB = 1_073_741_824
const DAY_MS = 86_400_000
const NOW_MS = Date.UTC(2026, 5, 1)

t.test('the Node.js that Millrace is made for is fine, an older one is not', async (t) => {
  t.equal(checkNodeVersion('24.21.0').state, 'ok')
  t.equal(checkNodeVersion('25.0.0').state, 'warn')
  t.equal(checkNodeVersion('20.19.0').state, 'fail')
})

t.test('memory and open files must suffice for the gateways', async (t) => {
  t.equal(checkMemory({ availableBytes: 4 * GIB, totalBytes: 8 * GIB }).state, 'ok')
  t.equal(checkMemory({ availableBytes: GIB / 4, totalBytes: 8 * GIB }).state, 'warn')
  t.equal(checkMemory({ availableBytes: GIB / 16, totalBytes: 8 * GIB }).state, 'fail')
  t.equal(checkOpenFiles(65_536, 1_000).state, 'ok')
  t.equal(checkOpenFiles(1_024, 10).state, 'warn')
  t.match(checkOpenFiles(1_024, 1_000), { state: 'fail', advice: /LimitNOFILE/ })
  t.equal(checkOpenFiles(Infinity, 1_000).state, 'ok')
  t.equal(checkOpenFiles(undefined, 1_000).state, 'ok')
})

t.test('a clock that is not set, set back, stepped or off is found', async (t) => {
  const right = { nowMs: NOW_MS, stepMs: 3, newestRecordMs: NOW_MS - 60_000, referenceMs: NOW_MS + 900 }
  t.equal(checkClock(right).state, 'ok')
  t.equal(checkClock({ nowMs: 0, stepMs: 0 }).state, 'fail')
  t.match(checkClock({ ...right, newestRecordMs: NOW_MS + 10_000 }), { state: 'warn', advice: /set back/ })
  t.equal(checkClock({ ...right, newestRecordMs: NOW_MS + 3_600_000 }).state, 'fail')
  t.match(checkClock({ ...right, referenceMs: NOW_MS - 5_000 }), { state: 'warn', found: /5 s ahead of/ })
  t.match(checkClock({ ...right, referenceMs: NOW_MS + 600_000 }), { state: 'fail', found: /600 s behind/ })
  t.match(checkClock({ ...right, stepMs: -30_000 }), { state: 'warn', found: /set back by 30 s/ })
})

t.test('the data folder must be ours alone, and writable', async (t) => {
  const good = { path: '/data', isThere: true, isWritable: true, mode: 0o40700, openSecrets: [] }
  t.equal(checkFolder(good).state, 'ok')
  t.equal(checkFolder({ ...good, isThere: false }).state, 'ok')
  t.equal(checkFolder({ ...good, isThere: false, isWritable: false }).state, 'fail')
  t.equal(checkFolder({ ...good, isWritable: false }).state, 'fail')
  t.match(checkFolder({ ...good, mode: 0o40755 }), { state: 'warn', advice: 'Run chmod 700 /data.' })
  t.match(checkFolder({ ...good, openSecrets: ['ca-key.pem'] }), { state: 'fail', advice: /chmod 600 \/data\/ca-key\.pem/ })
})

t.test('a file system that forgets is warned about, one without locks is refused', async (t) => {
  t.equal(checkFileSystem(0xef53).state, 'ok')
  t.equal(checkFileSystem(0x01021994).state, 'warn')
  t.equal(checkFileSystem(0x794c7630).state, 'warn')
  t.equal(checkFileSystem(0x6969).state, 'fail')
})

t.test('the disk needs 10 GiB and a tenth free, and never less than 1 GiB', async (t) => {
  t.equal(checkSpace({ freeBytes: 50 * GIB, totalBytes: 100 * GIB }).state, 'ok')
  t.equal(checkSpace({ freeBytes: 9 * GIB, totalBytes: 20 * GIB }).state, 'warn')
  t.equal(checkSpace({ freeBytes: 50 * GIB, totalBytes: 1_000 * GIB }).state, 'warn')
  t.equal(checkSpace({ freeBytes: GIB / 2, totalBytes: 20 * GIB }).state, 'fail')
})

t.test('a port is free, ours, or in the way', async (t) => {
  const plan = { name: 'MQTT', port: 8883, variable: 'MILLRACE_MQTT_PORT' }
  t.equal(checkPort(plan, { state: 'free', isOurs: false }).state, 'ok')
  t.match(checkPort(plan, { state: 'taken', isOurs: true }), { state: 'ok', found: /running Millrace/ })
  t.match(checkPort(plan, { state: 'taken', isOurs: false }), { state: 'fail', advice: /MILLRACE_MQTT_PORT/ })
  t.equal(checkPort(plan, { state: 'free', isOurs: true }).state, 'fail')
  t.match(checkPort({ ...plan, port: 443 }, { state: 'forbidden', isOurs: false }), { state: 'fail', advice: /below 1024/ })
})

t.test('a certificate is looked after a month before its end, and urgently a week before', async (t) => {
  const end = (days: number) => checkEnd({ name: 'root', endMs: NOW_MS + days * DAY_MS, nowMs: NOW_MS, advice: 'renew' }).state
  t.same([31, 30, 29, 7, 6, 0, -1].map(end), ['ok', 'ok', 'warn', 'warn', 'fail', 'fail', 'fail'])
})

t.test('of many gateways the most urgent counts, and the first are named', async (t) => {
  const inspected = { authorityEndsAt: '', rootPem: '', gateways: 9 }
  const ending = (days: number) => ({
    tenant: 'acme',
    gateway: `gw-${days}`,
    endsAt: new Date(NOW_MS + days * DAY_MS).toISOString(),
  })
  t.equal(checkGateways({ ...inspected, endingSoon: [], endingSoonCount: 0 }, NOW_MS).state, 'ok')
  const six = [3, 9, 10, 11, 12, 13].map(ending)
  t.match(checkGateways({ ...inspected, endingSoon: six, endingSoonCount: 8 }, NOW_MS), {
    state: 'fail',
    found: /gw-3.*and 3 more/,
  })
})

t.test('a running process may be away, of another version, or not ready', async (t) => {
  const running = { pid: 1, version: '1.0.0', startedAt: '2026-06-01T00:00:00.000Z', clockStepMs: 0, listeners: [], checks: [] }
  t.equal(checkRunning(undefined, '1.0.0').state, 'ok')
  t.equal(checkRunning(running, '1.0.0').state, 'ok')
  t.equal(checkRunning(running, '1.0.1').state, 'warn')
  t.match(checkRunning('It hangs.', '1.0.0'), { state: 'fail', advice: 'It hangs.' })
  const checks = [
    { name: 'event-log', isReady: false, detail: 'disk full' },
    { name: 'metadata', isReady: true },
  ]
  t.match(checkReadiness({ checks, status: 503 }), { state: 'fail', found: 'not ready: event-log (disk full)' })
  t.equal(checkReadiness({ checks: [], status: 'connect ECONNREFUSED' }).state, 'fail')
  t.equal(checkReadiness({ checks: [], status: 200 }).state, 'ok')
})

t.test('a damaged store must not be started on', async (t) => {
  const store = { file: 'log.sqlite', sizeBytes: GIB, isWhole: true }
  t.equal(checkStore(store).state, 'ok')
  t.match(checkStore({ ...store, isWhole: false }), { state: 'warn', advice: /--thorough/ })
  t.match(checkStore({ ...store, problem: 'page 3 is bad' }), { state: 'fail', found: 'page 3 is bad', advice: /Do not start/ })
})

t.test('warnings are no failure; the process alone gives 69, anything else 78', async (t) => {
  t.equal(exitCodeFor([ok('a', ''), warn('b', '', '')]), 0)
  t.equal(exitCodeFor([fail(RUNNING, '', ''), fail(READY, '', '')]), 69)
  t.equal(exitCodeFor([fail(RUNNING, '', ''), fail('disk space', '', '')]), 78)
})
