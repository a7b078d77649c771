import { dirname, posix } from 'node:path'
import ts from 'typescript'
import { lineAt, type SourceFile, type Tree } from './tree.ts'

export interface Import {
  readonly file: SourceFile
  readonly line: number
  readonly specifier: string
  /** Imported names, as their module calls them; `*` for all of it. */
  readonly names: readonly string[]
  /** A module that is named to run on a thread or to be loaded later. It is not loaded with this file. */
  readonly isDeferred: boolean
}

/** All that a file imports: statements, `import()` with a literal, and `new URL('./x.ts', import.meta.url)`, which names a thread's module. */
export function importsOf(file: SourceFile): readonly Import[] {
  const imports: Import[] = []
  for (const node of file.nodes()) {
    const specifier = specifierOf(node)
    if (specifier === undefined) continue
    const isDeferred = ts.isNewExpression(node) || ts.isCallExpression(node)
    imports.push({ file, line: lineAt(file, node.getStart()), specifier, names: namesOf(node), isDeferred })
  }
  return imports
}

export const isRelative = (specifier: string): boolean => specifier.startsWith('.')

/** Where a relative import points to, from the root of the repository. */
export function targetOf({ file, specifier }: Import): string {
  return posix.normalize(posix.join(dirname(file.path), specifier))
}

/** The npm package or Node module of an import that isn't relative: `@scope/name`, `name`, `node:name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

const found = new WeakMap<Tree, readonly Import[]>()

/** All imports of a tree, found once. */
export function allImports(tree: Tree): readonly Import[] {
  const known = found.get(tree) ?? tree.files.flatMap(importsOf)
  found.set(tree, known)
  return known
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literal(node.moduleSpecifier)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return literal(node.argument.literal)
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) return literal(node.arguments[0])
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'URL') return undefined
  const [path, base] = node.arguments ?? []
  const specifier = literal(path)
  return base?.getText() === 'import.meta.url' && specifier?.endsWith('.ts') ? specifier : undefined
}

function literal(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined
}

function namesOf(node: ts.Node): readonly string[] {
  if (ts.isExportDeclaration(node))
    return node.exportClause && ts.isNamedExports(node.exportClause) ? elementNames(node.exportClause) : ['*']
  if (!ts.isImportDeclaration(node)) return ['*']
  const bindings = node.importClause?.namedBindings
  if (bindings === undefined) return node.importClause === undefined ? [] : ['default']
  return ts.isNamedImports(bindings) ? elementNames(bindings) : ['*']
}

function elementNames({ elements }: ts.NamedImports | ts.NamedExports): readonly string[] {
  return [...elements].map(({ propertyName, name }) => (propertyName ?? name).text)
}
