import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { apiPage } from './generate/api.ts'
import { cliPage } from './generate/cli.ts'
import { configurationPages } from './generate/configuration.ts'
import { stalePages } from './generate/drift.ts'
import { errorsPage } from './generate/errors.ts'
import type { Page } from './generate/markdown.ts'
import { messagePage } from './generate/message.ts'
import { metricsPage } from './generate/metrics.ts'
import { ROOT } from './generate/modules.ts'
import { reasonsPage } from './generate/reasons.ts'

// `npm run docs` writes docs/reference/ and .env.example from the code; with --check it writes nothing, names what
// differs and ends with 1. test/tidy.test.ts runs the check.
const pages: readonly Page[] = [
  ...(await configurationPages()),
  errorsPage(),
  reasonsPage(),
  await metricsPage(),
  messagePage(),
  await apiPage(),
  await cliPage(),
]
const stale = stalePages(pages, textOf)

if (process.argv.includes('--check')) {
  for (const { path } of stale) process.stderr.write(`${path} is not what the code says. Run npm run docs.\n`)
  process.exitCode = stale.length === 0 ? 0 : 1
} else {
  for (const { path, text } of stale) {
    mkdirSync(dirname(join(ROOT, path)), { recursive: true })
    writeFileSync(join(ROOT, path), text)
    process.stdout.write(`${path}\n`)
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch {
    return undefined
  }
}
