import { allImports, type Import, isRelative, targetOf } from './imports.ts'
import { type Finding, isWorkshop, type Rule, type Tree } from './tree.ts'

/**
 * schemas ← platform/ports ← platform/runtime ← parts ← their main.ts → platform/adapters.
 * The parts meet in `schemas/`, in the event log and in the composition root, never in an import.
 */
const PARTS = ['ingest', 'stream-processors', 'query-api', 'portal', 'operate'] as const
/** What the composition root needs of a part to wire it. */
const PART_DOORS: ReadonlySet<string> = new Set(['main.ts', 'service.ts', 'config.ts', 'metrics.ts'])
/** Adapters that another vendor's adapter may build on: queries that run on any SQL database. */
const SHARED_ADAPTERS: readonly string[] = ['platform/adapters/metadata/']

/** The only callers of `proveTenant`: each has proof in its hand (a token, a certificate, the operator's seat). */
const TENANT_PROVERS: readonly RegExp[] = [
  /^query-api\/authenticate\.ts$/,
  /^operate\//,
  /^ingest\//,
  /^platform\/ports\/tenant-scope\.ts$/,
]

export const layerRules: readonly Rule[] = [
  {
    name: 'imports point one way: schemas, ports, parts, main.ts, adapters',
    check: (tree) =>
      allImports(tree)
        .filter(({ specifier }) => isRelative(specifier))
        .flatMap(checkImport),
  },
  { name: 'every relative import ends in .ts and leads to a file', check: checkTargets },
  { name: 'no files import each other in a circle', check: checkCycles },
  { name: 'a tenant is proven only where there is proof', check: checkProvers },
  { name: 'every file lies in a folder of the layout', check: checkLayout },
]

function checkImport(entry: Import): readonly Finding[] {
  const complaint = judge(entry.file.path, targetOf(entry))
  return complaint === undefined ? [] : [{ path: entry.file.path, line: entry.line, message: complaint }]
}

function judge(from: string, to: string): string | undefined {
  // package.json says what we are called and which version we are; every part may know.
  if (isWorkshop(from) || to === 'package.json') return undefined
  if (isWorkshop(to)) return `${to} is not part of the product. Move what both need into it.`
  if (from.startsWith('schemas/')) return mustStartWith(to, ['schemas/'], 'schemas/ imports nothing but schemas/')
  if (from.startsWith('platform/ports/'))
    return mustStartWith(to, ['schemas/', 'platform/ports/'], 'A port knows schemas and ports')
  if (from.startsWith('platform/runtime/')) {
    return mustStartWith(to, ['schemas/', 'platform/ports/', 'platform/runtime/'], 'The runtime knows schemas and ports')
  }
  if (from.startsWith('platform/adapters/')) return judgeAdapter(from, to)
  return judgePart(from, to)
}

function judgeAdapter(from: string, to: string): string | undefined {
  const own = `${from.split('/').slice(0, 3).join('/')}/`
  return mustStartWith(
    to,
    ['schemas/', 'platform/ports/', 'platform/runtime/', own, ...SHARED_ADAPTERS],
    'An adapter knows schemas, ports, the runtime and its own folder',
  )
}

function judgePart(from: string, to: string): string | undefined {
  const part = from.split('/')[0] ?? ''
  const isRoot = isCompositionRoot(from)
  if (to.startsWith(`${part}/`)) {
    return !isRoot && isCompositionRoot(to)
      ? `${to} puts the product together. Take what you need from it as an argument.`
      : undefined
  }
  if (to.startsWith('platform/adapters/')) {
    return isRoot || from === `${part}/main.ts` ? undefined : 'Only main.ts imports an adapter. Take the port as an argument.'
  }
  const isDoor = PARTS.some((other) => to.startsWith(`${other}/`)) && PART_DOORS.has(to.split('/').slice(1).join('/'))
  if (isRoot && isDoor) return undefined
  return mustStartWith(to, ['schemas/', 'platform/ports/', 'platform/runtime/'], 'The parts never import each other')
}

function isCompositionRoot(path: string): boolean {
  return path === 'operate/main.ts' || path.startsWith('operate/up/')
}

function mustStartWith(to: string, folders: readonly string[], rule: string): string | undefined {
  if (folders.some((folder) => to.startsWith(folder))) return undefined
  return `${rule}, not ${to}. Take it as an argument through a port, or move what crosses the border to schemas/.`
}

function checkTargets(tree: Tree): readonly Finding[] {
  const paths = new Set(tree.files.map(({ path }) => path))
  return allImports(tree).flatMap((entry) => {
    const { file, line, specifier } = entry
    if (!isRelative(specifier) || paths.has(targetOf(entry)) || /\.(json|css|tsx)$/.test(specifier)) return []
    const message = specifier.endsWith('.ts')
      ? `${specifier} leads nowhere. Mend the path.`
      : `${specifier}: write the ending .ts.`
    return [{ path: file.path, line, message }]
  })
}

function checkCycles(tree: Tree): readonly Finding[] {
  const edges = new Map<string, Import[]>(tree.files.map(({ path }) => [path, []]))
  for (const entry of allImports(tree)) {
    if (isRelative(entry.specifier) && !entry.isDeferred) edges.get(entry.file.path)?.push(entry)
  }
  const findings: Finding[] = []
  const done = new Set<string>()
  function visit(path: string, trail: readonly string[]): void {
    for (const entry of edges.get(path) ?? []) {
      const target = targetOf(entry)
      const start = trail.indexOf(target)
      if (start >= 0) {
        const circle = [...trail.slice(start), target].join(' → ')
        findings.push({ path, line: entry.line, message: `${circle}: a circle. Move what both need to a third file.` })
      } else if (!done.has(target)) visit(target, [...trail, target])
    }
    done.add(path)
  }
  for (const path of edges.keys()) if (!done.has(path)) visit(path, [path])
  return findings
}

function checkProvers(tree: Tree): readonly Finding[] {
  return allImports(tree)
    .filter((entry) => isRelative(entry.specifier) && targetOf(entry) === 'platform/ports/tenant-scope.ts')
    .filter(({ names, file: { path } }) => {
      return (
        (names.includes('proveTenant') || names.includes('*')) &&
        !isWorkshop(path) &&
        !TENANT_PROVERS.some((prover) => prover.test(path))
      )
    })
    .map(({ file: { path }, line }) => ({
      path,
      line,
      message: 'proveTenant: take a TenantScope from whoever checked the proof.',
    }))
}

function checkLayout(tree: Tree): readonly Finding[] {
  const folders = ['schemas', 'platform/ports', 'platform/runtime', 'platform/adapters', ...PARTS]
  return tree.files
    .filter(({ path }) => !isWorkshop(path) && !folders.some((folder) => path.startsWith(`${folder}/`)))
    .map(({ path }) => ({ path, line: 1, message: `No folder of the layout: ${folders.join(', ')}, test, bench, docs.` }))
}
