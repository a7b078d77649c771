import t from 'tap'
import { docsRules, documentedRule } from '../tidy/docs-rules.ts'
import { layerRules } from '../tidy/layer-rules.ts'
import { nameRules } from '../tidy/name-rules.ts'
import { packageRules } from '../tidy/package-rules.ts'
import { PLANTED_IMPORTS } from '../tidy/planted-imports.ts'
import { PLANTED_SYNTAX } from '../tidy/planted-syntax.ts'
import { sizeRules } from '../tidy/size-rules.ts'
import { syntaxRules } from '../tidy/syntax-rules.ts'
import { treeOf } from '../tidy/tree.ts'

// Goal: each rule of test/tidy.test.ts finds the fault that it is for, at its line, and nothing in good code.
// Method: one planted fault in a tree in memory; all rules run over it, and exactly the expected places come out.
const LOCKED = {
  'package.json': '{"dependencies":{"aedes":"1.2.0","ajv":"8.20.0","kysely":"0.29.9"},"devDependencies":{"tap":"21.8.0"}}',
}
const PAGES = {
  '.env.example': '# MILLRACE_PORT=1\n',
  'docs/reference/configuration.md': '`MILLRACE_PORT`',
  'docs/reference/metrics.md': '`ingest_messages_total`',
}
const rules = [
  ...layerRules,
  ...packageRules,
  ...nameRules,
  ...sizeRules,
  ...syntaxRules,
  ...docsRules,
  documentedRule('reason', ['payload.empty'], 'reasons.md'),
]

function findingsIn(files: Readonly<Record<string, string>>): readonly string[] {
  const tree = treeOf({ ...LOCKED, ...PAGES, 'reasons.md': '### payload.empty', ...files })
  return rules.flatMap((rule) => rule.check(tree)).map(({ path, line, message }) => `${path}:${line}: ${message}`)
}

for (const { fault, files, found } of [...PLANTED_IMPORTS, ...PLANTED_SYNTAX]) {
  t.test(`finds ${fault}`, async (t) => {
    const findings = findingsIn(files)
    t.same(
      findings.map((finding, index) => finding.slice(0, found[index]?.length ?? finding.length)),
      found,
    )
  })
}

t.test('finds nothing in good code', async (t) => {
  const findings = findingsIn({
    'schemas/thing.ts': "export const NAMES = ['a'] as const\nexport type Name = (typeof NAMES)[number]\n",
    'platform/ports/thing-store.ts':
      "import type { Name } from '../../schemas/thing.ts'\nexport interface ThingStore { thing(name: Name): Promise<unknown> }\n",
    'platform/adapters/metadata/queries.ts':
      "import { Kysely } from 'kysely'\nimport type { ThingStore } from '../../ports/thing-store.ts'\n",
    'platform/adapters/sqlite/metadata/open.ts':
      "import { queries } from '../../metadata/queries.ts'\nimport { DatabaseSync } from 'node:sqlite'\n",
    'ingest/service.ts':
      "import type { ThingStore } from '../platform/ports/thing-store.ts'\nimport { name as other } from './config.ts'\n",
    'ingest/config.ts': "export { NAMES } from '../schemas/thing.ts'\nexport const name = 'MILLRACE_PORT'\n",
    'operate/main.ts':
      "import { start } from '../ingest/service.ts'\nimport { open } from '../platform/adapters/sqlite/metadata/open.ts'\n",
  })
  t.same(findings, [])
})
