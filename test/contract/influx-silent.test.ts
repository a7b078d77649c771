// Goal: a request that is given up is gone: nothing of it arrives later, and its connection is free for the next.
// Method: a server of this test's own that reads and never answers.
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { openInfluxClient } from '../../platform/adapters/influx/client.ts'
import { flux } from '../../platform/adapters/influx/flux.ts'
import { freePort } from '../../scripts/services/run.ts'
import { never } from './time-series/implementations.ts'

const TIMEOUT_MS = 200

async function openSilent(t: Test) {
  const connections: Socket[] = []
  const resets: string[] = []
  const server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', (error: NodeJS.ErrnoException) => resets.push(error.code ?? ''))
    socket.resume()
  })
  const port = await freePort()
  await once(server.listen(port, '127.0.0.1'), 'listening')
  const access = { url: `http://127.0.0.1:${port}`, org: 'o', bucket: 'b', token: 't' }
  const client = openInfluxClient(access, { timeoutMs: TIMEOUT_MS })
  t.teardown(() => {
    client.close()
    for (const socket of connections) socket.destroy()
    server.close()
  })
  const isOpen = (): boolean => connections.some(({ destroyed }) => !destroyed)
  const untilClosed = async (): Promise<void> => {
    while (isOpen()) await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return { client, connections, resets, untilClosed }
}

t.setTimeout(20_000)

t.test('a write', async (t) => {
  const { client, connections, resets, untilClosed } = await openSilent(t)
  const lines = Buffer.from('reading,tenant=acme,sensor=s power_w=1 1')
  await t.rejects(client.write(lines, { bucket: 'b', precision: 'ms' }), /timed out/)
  await untilClosed()
  t.equal(connections.length, 1)
  t.same(resets, ['ECONNRESET'], 'not ended in good order, behind what is still on its way')
})

t.test('queries, and more of them than there are connections', async (t) => {
  const { client, untilClosed } = await openSilent(t)
  const queries = Array.from({ length: 40 }, () => client.query(flux`from(bucket: ${'b'})`, () => undefined, never))
  for (const query of await Promise.allSettled(queries)) t.equal(query.status, 'rejected')
  await untilClosed()
})
