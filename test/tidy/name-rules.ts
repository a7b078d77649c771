import { basename } from 'node:path'
import ts from 'typescript'
import type { Finding, Rule, SourceFile } from './tree.ts'

const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*$/
/** Names that say nothing about what is inside, wherever they stand in a name. */
const EMPTY_WORDS: ReadonlySet<string> = new Set(['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers', 'misc'])
/** Names that say nothing when they stand alone. */
const EMPTY_NAMES: ReadonlySet<string> = new Set(['types', 'index', 'shared', 'lib'])

export const nameRules: readonly Rule[] = [
  {
    name: 'every file and folder is kebab-case and named for what is inside',
    check: (tree) => tree.files.flatMap(({ path }) => checkName(path)),
  },
  {
    name: 'no file is a barrel',
    check: (tree) => tree.files.flatMap(checkBarrel),
  },
]

function checkName(path: string): readonly Finding[] {
  const words = path.replace(/(\.test|\.d)?\.ts$/, '').split('/')
  return words.flatMap((word) => {
    const name = word.replace(/^\./, '')
    const complaint = complain(name)
    return complaint === undefined ? [] : [{ path, line: 1, message: complaint }]
  })
}

function complain(name: string): string | undefined {
  if (!KEBAB_CASE.test(name)) return `"${name}" is not kebab-case. Write it in small letters, words joined by hyphens.`
  const word = EMPTY_NAMES.has(name) ? name : name.split('-').find((part) => EMPTY_WORDS.has(part))
  return word === undefined ? undefined : `"${word}" says nothing. Name the file for the thing or the verb inside.`
}

function checkBarrel(file: SourceFile): readonly Finding[] {
  const statements = file.syntax().statements
  const reExports = statements.filter((statement) => ts.isExportDeclaration(statement) && statement.moduleSpecifier !== undefined)
  const hasStar = reExports.some((statement) => ts.isExportDeclaration(statement) && statement.exportClause === undefined)
  const isBarrel = reExports.length > 0 && reExports.length === statements.length
  if (!hasStar && !isBarrel) return []
  return [
    {
      path: file.path,
      line: 1,
      message: `${basename(file.path)} passes on what others export. Import from the file that has it.`,
    },
  ]
}
