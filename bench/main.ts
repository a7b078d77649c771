// `npm run bench`: what a message costs, from the socket to the store, on the embedded default.
import { parseArgs } from 'node:util'
import { enrolGateways } from './gateways.ts'
import { measureLatency } from './latency.ts'
import { type Bench, type Figures, measureCase, measureHeld } from './measure.ts'
import { report } from './report.ts'
import { makeFolder, startServer } from './server.ts'

const { values: flags } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    save: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})

const HOLD_SECONDS = 10
const scale = flags.quick ? 0.2 : 1
const cases = [1, 10, 1_000].flatMap((connections) =>
  [1, 100].map((readingsPerMessage) => ({
    connections,
    readingsPerMessage,
    messages: (readingsPerMessage === 1 ? 400_000 : 8_000) * scale,
  })),
)
const wanted = cases.filter(
  ({ connections, readingsPerMessage }) => flags.only === undefined || flags.only === `${connections}x${readingsPerMessage}`,
)
const profile = flags['cpu-prof']
const place = await makeFolder()
try {
  // Certificates are made by another process than the one that is measured, as on any day but the first.
  const enrolling = await startServer(place.folder)
  const enrolled = await enrolGateways(enrolling.operations, Math.max(...wanted.map(({ connections }) => connections)))
  await enrolling.stop()
  const server = await startServer(place.folder, profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`])
  try {
    const bench: Bench = { server, ...enrolled }
    const held = flags.only === undefined ? await measureHeld(bench, 1_000, HOLD_SECONDS) : undefined
    // Warm: the compiler has seen the path, the files have grown.
    await measureCase(bench, { connections: 1, readingsPerMessage: 1, messages: 20_000 })
    const figures: Figures[] = []
    for (const one of wanted) {
      process.stderr.write(`${one.connections} connections, ${one.readingsPerMessage} readings a message …\n`)
      figures.push(await measureCase(bench, one))
    }
    const latency = flags.only === undefined ? await measureLatency(bench, figures) : []
    await report({ figures, latency, ...(held && { held }) }, { isJson: flags.json, isSaved: flags.save })
  } finally {
    await server.stop()
  }
} finally {
  await place.remove()
}
