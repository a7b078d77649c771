import t from 'tap'
import { hostOf, isLoopback } from '../../platform/runtime/loopback.ts'

for (const host of ['127.0.0.1', '127.9.9.9', '::1', '[::1]', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1']) {
  t.test(`${host} is this machine alone`, async (t) => t.ok(isLoopback(host)))
}

for (const host of [
  '0.0.0.0',
  '::',
  '10.0.0.1',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
  'example.com',
  '',
  '127.1',
  '::2',
]) {
  t.test(`"${host}" may be reached from elsewhere`, async (t) => t.notOk(isLoopback(host)))
}

t.test('the port is not part of the host', async (t) => {
  t.equal(hostOf('localhost:9464'), 'localhost')
  t.equal(hostOf('[::1]:9464'), '[::1]')
  t.equal(hostOf('127.0.0.1'), '127.0.0.1')
})
