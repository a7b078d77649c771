import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { REMEDY_BY_CODE } from '../platform/runtime/errors.ts'
import { REASONS } from '../schemas/rejection.ts'
import { docsRules, documentedRule } from './tidy/docs-rules.ts'
import { layerRules } from './tidy/layer-rules.ts'
import { nameRules } from './tidy/name-rules.ts'
import { packageRules } from './tidy/package-rules.ts'
import { sizeRules } from './tidy/size-rules.ts'
import { syntaxRules } from './tidy/syntax-rules.ts'
import { readTree } from './tidy/tree.ts'

// Goal: what the style guide says and a machine can see is true of every file.
// Method: each rule reads the whole tree and names the places that break it; test/unit/tidy-rules.test.ts shows that each rule sees.
const root = fileURLToPath(new URL('..', import.meta.url))
// Loading every module to describe it is no test of it, so this process doesn't count as coverage.
const env = { ...process.env, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
const docsCheck = promisify(execFile)(process.execPath, ['docs/generate.ts', '--check'], { cwd: root, env }).then(
  () => '',
  (error: Error & { readonly stderr?: string }) => error.stderr || error.message,
)

const tree = readTree(root)
const rules = [
  ...layerRules,
  ...packageRules,
  ...nameRules,
  ...sizeRules,
  ...syntaxRules,
  ...docsRules,
  documentedRule('reason', Object.keys(REASONS), 'docs/reference/rejection-reasons.md'),
  documentedRule('error code', Object.keys(REMEDY_BY_CODE), 'docs/reference/errors.md'),
]

for (const rule of rules) {
  t.test(rule.name, async (t) => {
    const findings = rule.check(tree)
    for (const { path, line, message } of findings) t.fail(`${path}:${line}: ${message}`, { diagnostic: false })
    if (findings.length === 0) t.pass(`${tree.files.length} files read`)
  })
}

t.test('the reference in docs/ is what the code says', async (t) => {
  t.equal(await docsCheck, '', 'Run npm run docs.')
})
