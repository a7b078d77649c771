import ts from 'typescript'
import { type Finding, lineAt, type Rule, type SourceFile } from './tree.ts'

export const FILE_LINES_MAX = 250
export const FUNCTION_LINES_MAX = 60

export const sizeRules: readonly Rule[] = [
  { name: `no file is longer than ${FILE_LINES_MAX} lines`, check: (tree) => tree.files.flatMap(checkFile) },
  { name: `no function is longer than ${FUNCTION_LINES_MAX} lines`, check: (tree) => tree.files.flatMap(checkFunctions) },
]

function checkFile({ path, text }: SourceFile): readonly Finding[] {
  const lines = text.trimEnd().split('\n').length
  if (lines <= FILE_LINES_MAX) return []
  return [
    {
      path,
      line: FILE_LINES_MAX + 1,
      message: `${lines} lines, ${FILE_LINES_MAX} allowed. Move one of its things to a file of its own.`,
    },
  ]
}

function checkFunctions(file: SourceFile): readonly Finding[] {
  const findings: Finding[] = []
  for (const node of file.nodes()) {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) continue
    const lines = ownLines(file, node)
    if (lines <= FUNCTION_LINES_MAX) continue
    const line = lineAt(file, node.getStart())
    findings.push({
      path: file.path,
      line,
      message: `A function of ${lines} lines, ${FUNCTION_LINES_MAX} allowed. Give its steps names of their own.`,
    })
  }
  return findings
}

/**
 * A function that holds others (a factory with its closures, a test with inner tests) is as long as what it says itself: each inner one is
 * measured alone. Otherwise the rule would ask for classes, whose methods nobody adds up.
 */
function ownLines(file: SourceFile, root: ts.Node): number {
  let lines = span(file, root)
  function subtract(node: ts.Node): void {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) lines -= span(file, node) - 1
    else ts.forEachChild(node, subtract)
  }
  ts.forEachChild(root, subtract)
  return lines
}

function span(file: SourceFile, node: ts.Node): number {
  return lineAt(file, node.getEnd()) - lineAt(file, node.getStart()) + 1
}
