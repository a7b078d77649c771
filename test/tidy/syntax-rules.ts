import { basename } from 'node:path'
import ts from 'typescript'
import { type Finding, isWorkshop, lineAt, type Rule, type SourceFile } from './tree.ts'

/** @returns what to do instead; undefined when the node is fine. */
type Judge = (node: ts.Node, file: SourceFile) => string | undefined

export const syntaxRules: readonly Rule[] = [
  rule('nothing is typed any', (node) =>
    node.kind === ts.SyntaxKind.AnyKeyword ? 'any: take unknown, and let a schema make it true.' : undefined,
  ),
  rule('there is no enum and no namespace', (node) =>
    ts.isEnumDeclaration(node) || isNamespace(node)
      ? 'enum or namespace: take an object `as const`; only erasable syntax runs.'
      : undefined,
  ),
  rule('nothing is asserted with an exclamation mark', (node) =>
    ts.isNonNullExpression(node) || isDefinite(node) ? '!: handle the case that it is undefined.' : undefined,
  ),
  rule('nothing is cast', (node) =>
    isCast(node) ? 'as: narrow with a check or a type guard; only `as const` is allowed.' : undefined,
  ),
  rule('nothing is exported by default', (node) => (isDefaultExport(node) ? 'default export: give it a name.' : undefined)),
  rule('nothing is written to the console', (node) =>
    isConsole(node) ? 'console: log through platform/runtime/log.ts, or write to process.stdout what was asked for.' : undefined,
  ),
  rule('no test runs alone', (node, file) =>
    file.path.startsWith('test/') && isOnly(node) ? 'only: the other tests would not run. Take it out.' : undefined,
  ),
  rule('the environment is read in main.ts and config.ts only', (node, { path }) =>
    !isWorkshop(path) && !['main.ts', 'config.ts'].includes(basename(path)) && isEnvironment(node)
      ? 'process.env: read it in main.ts through the schema in config.ts, and pass the value on.'
      : undefined,
  ),
  { name: 'no work is left as a note in the code', check: (tree) => tree.files.flatMap(findNotes) },
]

function rule(name: string, judge: Judge): Rule {
  return {
    name,
    check: (tree) =>
      tree.files.flatMap((file) => {
        const findings: Finding[] = []
        for (const node of file.nodes()) {
          const message = judge(node, file)
          if (message !== undefined) findings.push({ path: file.path, line: lineAt(file, node.getStart()), message })
        }
        return findings
      }),
  }
}

/** `declare global` and `declare module` describe what others made; a namespace makes something. */
function isNamespace(node: ts.Node): boolean {
  return ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && node.name.text !== 'global'
}

function isDefinite(node: ts.Node): boolean {
  return (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) && node.exclamationToken !== undefined
}

function isCast(node: ts.Node): boolean {
  if (ts.isTypeAssertionExpression(node)) return true
  return ts.isAsExpression(node) && !ts.isConstTypeReference(node.type)
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true
  if (ts.isExportSpecifier(node)) return node.name.text === 'default'
  return ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
}

function isConsole(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node))
    return ts.isStringLiteral(node.moduleSpecifier) && /^(node:)?console$/.test(node.moduleSpecifier.text)
  return ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'console'
}

function isOnly(node: ts.Node): boolean {
  if (ts.isPropertyAssignment(node)) return node.name.getText() === 'only' && node.initializer.kind === ts.SyntaxKind.TrueKeyword
  return ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'only'
}

function isEnvironment(node: ts.Node): boolean {
  if (ts.isImportSpecifier(node)) {
    const module = node.parent.parent.parent.moduleSpecifier
    return (node.propertyName ?? node.name).text === 'env' && ts.isStringLiteral(module) && /^(node:)?process$/.test(module.text)
  }
  return ts.isPropertyAccessExpression(node) && node.name.text === 'env' && node.expression.getText() === 'process'
}

function findNotes({ path, text }: SourceFile): readonly Finding[] {
  return text.split('\n').flatMap((line, index) => {
    const note = /\b(TO[D]O|FIXM[E]|HAC[K]|XX[X])\b/.exec(line)?.[1]
    return note === undefined ? [] : [{ path, line: index + 1, message: `${note}: do it, or write an issue.` }]
  })
}
