import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

export interface TextFile {
  /** From the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
}

export interface SourceFile extends TextFile {
  /** Parsed on first use. */
  syntax(): ts.SourceFile
  /** Every node of it, outer ones first. */
  nodes(): readonly ts.Node[]
}

export interface Tree {
  /** Every TypeScript file. */
  readonly files: readonly SourceFile[]
  /** Every Markdown file. */
  readonly pages: readonly TextFile[]
  /** Whether there is such a file or folder. */
  has(path: string): boolean
  /** The text of any file; undefined where there is none. */
  read(path: string): string | undefined
}

export interface Finding {
  readonly path: string
  /** From 1. */
  readonly line: number
  /** What is wrong and what to do. */
  readonly message: string
}

export interface Rule {
  /** A sentence about how the tree is. */
  readonly name: string
  check(tree: Tree): readonly Finding[]
}

/** Doc comments are words to these rules; parsing them would take a third of the time. */
const PARSING = { languageVersion: ts.ScriptTarget.ESNext, jsDocParsingMode: ts.JSDocParsingMode.ParseNone } as const

const FOLDERS_LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', '.git', '.tap', 'data', 'dist'])

/** The tree on disk. */
export function readTree(root: string): Tree {
  const paths = listFiles(root, '')
  const textOf = (path: string): TextFile => ({ path, text: readFileSync(join(root, path), 'utf8') })
  return {
    files: paths.filter(isSource).map(textOf).map(sourceFile),
    pages: paths.filter(isPage).map(textOf),
    has: (path) => existsSync(join(root, path)),
    read: (path) => readIfThere(join(root, path)),
  }
}

/** A tree in memory: text by path. */
export function treeOf(texts: Readonly<Record<string, string>>): Tree {
  const all = Object.entries(texts).map(([path, text]) => ({ path, text }))
  return {
    files: all.filter(({ path }) => isSource(path)).map(sourceFile),
    pages: all.filter(({ path }) => isPage(path)),
    has: (path) => all.some((file) => file.path === path || file.path.startsWith(`${path}/`)),
    read: (path) => texts[path],
  }
}

/** Code that makes no part of the product: it may import anything, and is imported by none of it. */
export function isWorkshop(path: string): boolean {
  return /^(test|bench|docs|deploy|\.ci|scripts)\//.test(path)
}

/** The line of a place in a file, from 1. */
export function lineAt(file: SourceFile, position: number): number {
  return file.syntax().getLineAndCharacterOfPosition(position).line + 1
}

const isSource = (path: string): boolean => path.endsWith('.ts')
const isPage = (path: string): boolean => path.endsWith('.md')

function sourceFile({ path, text }: TextFile): SourceFile {
  let root: ts.SourceFile | undefined
  let all: readonly ts.Node[] | undefined
  function syntax(): ts.SourceFile {
    root ??= ts.createSourceFile(path, text, PARSING, true)
    return root
  }
  return {
    path,
    text,
    syntax,
    nodes() {
      all ??= flatten(syntax())
      return all
    },
  }
}

/** The rules look at every node again and again; a list is quicker to go through than a tree. */
function flatten(root: ts.Node): readonly ts.Node[] {
  const nodes: ts.Node[] = []
  function step(node: ts.Node): void {
    nodes.push(node)
    ts.forEachChild(node, step)
  }
  step(root)
  return nodes
}

function listFiles(root: string, folder: string): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return isLeftOut(entry.name) ? [] : listFiles(root, path)
    return entry.isFile() ? [path] : []
  })
}

const isLeftOut = (folder: string): boolean => FOLDERS_LEFT_OUT.has(folder) || folder.startsWith('tap-testdir-')

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
