import { posix } from 'node:path'
import { type Finding, isWorkshop, type Rule, type SourceFile, type Tree } from './tree.ts'

const CONFIGURATION_PAGE = 'docs/reference/configuration.md'
const METRICS_PAGE = 'docs/reference/metrics.md'
const ENVIRONMENT_EXAMPLE = '.env.example'

export const docsRules: readonly Rule[] = [
  {
    name: `every environment variable stands in ${ENVIRONMENT_EXAMPLE} and ${CONFIGURATION_PAGE}`,
    check: (tree) => [ENVIRONMENT_EXAMPLE, CONFIGURATION_PAGE].flatMap((page) => checkWords(tree, page, environmentOf)),
  },
  {
    name: `every metric stands in ${METRICS_PAGE}`,
    check: (tree) => checkWords(tree, METRICS_PAGE, metricsOf),
  },
  { name: 'every link in the documentation leads to a file and a heading', check: checkLinks },
]

/** Closed lists of the code, each of whose words must stand on a page. */
export function documentedRule(what: string, words: readonly string[], page: string): Rule {
  return {
    name: `every ${what} stands in ${page}`,
    check: (tree) => {
      const text = tree.read(page) ?? ''
      return words
        .filter((word) => !mentions(text, word))
        .map((word) => ({ path: page, line: 1, message: `The ${what} ${word} is missing. Run npm run docs.` }))
    },
  }
}

interface Mention {
  readonly word: string
  readonly line: number
}

function checkWords(tree: Tree, page: string, find: (file: SourceFile) => readonly Mention[]): readonly Finding[] {
  const text = tree.read(page) ?? ''
  return tree.files
    .filter(({ path }) => !isWorkshop(path))
    .flatMap((file) => find(file).map((mention) => ({ ...mention, path: file.path })))
    .filter(({ word }) => !mentions(text, word))
    .map(({ path, line, word }) => ({ path, line, message: `${word} is missing from ${page}. Run npm run docs.` }))
}

/** Relative links of Markdown, outside of code; those to the web are not tried. */
function checkLinks(tree: Tree): readonly Finding[] {
  return tree.pages.flatMap(({ path, text }) =>
    matches(withoutCode(text), /\]\(([^)\s]+)\)/).flatMap(({ word, line }) => {
      if (/^(https?:|mailto:)/.test(word)) return []
      const [target = '', anchor] = word.split('#')
      const file = target === '' ? path : posix.join(posix.dirname(path), target)
      if (!tree.has(file)) return [{ path, line, message: `${word} leads nowhere. Mend the link.` }]
      if (anchor === undefined || anchorsOf(tree.read(file) ?? '').has(anchor)) return []
      return [{ path, line, message: `${file} has no heading #${anchor}. Mend the link.` }]
    }),
  )
}

/** Anchors as GitHub makes them of headings, and those that are written out. */
function anchorsOf(text: string): ReadonlySet<string> {
  const headings = matches(text, /^#+ (.+)$/).map(({ word }) => word.toLowerCase().replaceAll(/[^\w\- ]/g, ''))
  const written = matches(text, /<a id="([^"]+)">/).map(({ word }) => word)
  return new Set([...headings.map((heading) => heading.replaceAll(' ', '-')), ...written])
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```/gm, (block) => block.replaceAll(/[^\n]/g, '')).replaceAll(/`[^`\n]*`/g, '')
}

/** Variables of ours wherever they are written, and any other that is read from `process.env`. */
function environmentOf({ text }: SourceFile): readonly Mention[] {
  return matches(
    text,
    /\b(MILLRACE_[A-Z][A-Z0-9_]*[A-Z0-9])\b|\bprocess\.env\.([A-Z][A-Z0-9_]*)|\bprocess\.env\['([A-Z0-9_]+)'\]/,
  )
}

function metricsOf({ path, text }: SourceFile): readonly Mention[] {
  return path.endsWith('/metrics.ts') ? matches(text, /\bname: '([a-z][a-z0-9]*(?:_[a-z0-9]+)+)'/) : []
}

function matches(text: string, pattern: RegExp): readonly Mention[] {
  return text.split('\n').flatMap((line, index) =>
    [...line.matchAll(new RegExp(pattern, 'g'))].map(([, ...groups]) => ({
      word: groups.find((group) => group !== undefined) ?? '',
      line: index + 1,
    })),
  )
}

function mentions(text: string, word: string): boolean {
  return new RegExp(`(?<![A-Za-z0-9_.-])${word.replaceAll('.', '\\.')}(?![A-Za-z0-9_-])`).test(text)
}
