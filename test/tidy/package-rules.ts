import { allImports, isRelative, packageOf } from './imports.ts'
import { type Finding, isWorkshop, type Rule, type Tree } from './tree.ts'

/** Where a package may be named. One that isn't listed may be named nowhere in the product: add a line, with the folder of its adapter. */
const HOMES: Readonly<Record<string, readonly RegExp[]>> = {
  aedes: [/^ingest\//],
  'mqtt-packet': [/^ingest\//],
  mqtt: [/^operate\/simulator\//, /^ingest\/bridge\//],
  fastify: [/^query-api\//, /^operate\/admin\//],
  '@fastify/helmet': [/^query-api\//],
  '@fastify/rate-limit': [/^query-api\//],
  '@fastify/swagger': [/^query-api\//],
  '@fastify/swagger-ui': [/^query-api\//],
  ajv: [/^schemas\/compile\.ts$/],
  'json-schema-to-ts': [/./],
  kysely: [/^platform\/adapters\/metadata\//, /^platform\/adapters\/sqlite\/metadata\//, /^platform\/adapters\/postgres\//],
  '@peculiar/x509': [/^platform\/adapters\/x509\//],
  'reflect-metadata': [/^platform\/adapters\/x509\//],
  pino: [/^platform\/runtime\/log\.ts$/],
  'pino-pretty': [/^platform\/runtime\/log\.ts$/],
  'prom-client': [/^platform\/runtime\//, /\/metrics\.ts$/],
  kafkajs: [/^platform\/adapters\/kafka\//],
  '@node-rs/crc32': [/^platform\/adapters\/kafka\/records\//],
  '@influxdata/influxdb-client': [/^platform\/adapters\/influx\//],
  '@influxdata/influxdb-client-apis': [/^platform\/adapters\/influx\//],
  pg: [/^platform\/adapters\/postgres\//],
  commander: [/^operate\//],
  'cli-table3': [/^operate\//],
  'cli-progress': [/^operate\//],
  yaml: [/^test\//],
  'node:sqlite': [/^platform\/adapters\/sqlite\//],
}

export const packageRules: readonly Rule[] = [
  { name: "a vendor's package is named in its own folder only", check: checkHomes },
  { name: 'every imported package is declared', check: checkDeclared },
  { name: 'every dependency has an exact version', check: checkVersions },
  { name: 'the lockfile names no registry', check: checkLockfile },
  { name: 'the lockfile knows the packages of every platform', check: checkPlatforms },
]

function checkHomes(tree: Tree): readonly Finding[] {
  return allImports(tree).flatMap(({ file: { path }, line, specifier }) => {
    if (isRelative(specifier) || isWorkshop(path)) return []
    const name = packageOf(specifier)
    if (name.startsWith('node:') && HOMES[name] === undefined) return []
    if (HOMES[name]?.some((home) => home.test(path))) return []
    const homes = HOMES[name]?.map(({ source }) => source.replaceAll('\\', '')).join(' or ')
    const advice =
      homes === undefined
        ? 'Give it a home in test/tidy/package-rules.ts'
        : `It lives in ${homes}. Use it through what is exported there`
    return [{ path, line, message: `${name} may not be named here. ${advice}.` }]
  })
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

function checkDeclared(tree: Tree): readonly Finding[] {
  const { dependencies, devDependencies } = readManifest(tree)
  return allImports(tree).flatMap(({ file: { path }, line, specifier }) => {
    const name = packageOf(specifier)
    if (isRelative(specifier) || name.startsWith('node:') || dependencies[name] !== undefined) return []
    if (devDependencies[name] === undefined)
      return [{ path, line, message: `${name} is not in package.json. Add it with its exact version.` }]
    return isWorkshop(path)
      ? []
      : [{ path, line, message: `${name} is a development dependency. The product can't count on it.` }]
  })
}

function checkVersions(tree: Tree): readonly Finding[] {
  const { dependencies, devDependencies } = readManifest(tree)
  return Object.entries({ ...dependencies, ...devDependencies })
    .filter(([, version]) => !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
    .map(([name, version]) => {
      const message = `${name} is "${version}". Pin the version, so that every machine runs the same.`
      return { path: 'package.json', line: lineOf(tree.read('package.json') ?? '', `"${name}":`), message }
    })
}

function checkLockfile(tree: Tree): readonly Finding[] {
  const lines = (tree.read('package-lock.json') ?? '').split('\n')
  return lines.flatMap((text, index) => {
    if (!text.trimStart().startsWith('"resolved":')) return []
    const message = 'The address of a registry works on one machine only. Delete every line with "resolved".'
    return [{ path: 'package-lock.json', line: index + 1, message }]
  })
}

interface Lockfile {
  readonly packages: Readonly<Record<string, { readonly optionalDependencies?: Readonly<Record<string, string>> }>>
}

/** `npm ci` refuses a lockfile without the packages of other machines; npm leaves them out where its registry doesn't have them. */
function checkPlatforms(tree: Tree): readonly Finding[] {
  const text = tree.read('package-lock.json') ?? ''
  const { packages = {} }: Partial<Lockfile> = JSON.parse(text || '{}')
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => packages[`node_modules/${name}`] === undefined && packages[`${path}/node_modules/${name}`] === undefined)
      .map((name) => {
        const message = `${name} has no entry, so npm ci fails. Add one with version, os, cpu and "optional": true.`
        return { path: 'package-lock.json', line: lineOf(text, `"${name}"`), message }
      }),
  )
}

function readManifest(tree: Tree): Manifest {
  const manifest: Partial<Manifest> = JSON.parse(tree.read('package.json') ?? '{}')
  return { dependencies: manifest.dependencies ?? {}, devDependencies: manifest.devDependencies ?? {} }
}

function lineOf(text: string, needle: string): number {
  return text.slice(0, Math.max(0, text.indexOf(needle))).split('\n').length
}
