/** A fault in a small tree, and the start of each finding that must come of it. */
export interface PlantedFault {
  readonly fault: string
  readonly files: Readonly<Record<string, string>>
  readonly found: readonly string[]
}

/** The whole text of a file that is there only to be imported. */
export const EMPTY = 'export const nothing = 0\n'

export const PLANTED_IMPORTS: readonly PlantedFault[] = [
  {
    fault: 'a schema that imports a port',
    files: { 'schemas/a.ts': "import { nothing } from '../platform/ports/b.ts'\n", 'platform/ports/b.ts': EMPTY },
    found: ['schemas/a.ts:1: schemas/ imports nothing but schemas/'],
  },
  {
    fault: 'a port that imports the runtime, as a type in a signature',
    files: { 'platform/ports/a.ts': "\nexport type A = import('../runtime/b.ts').B\n", 'platform/runtime/b.ts': EMPTY },
    found: ['platform/ports/a.ts:2: A port knows schemas and ports'],
  },
  {
    fault: 'a part that imports another part',
    files: { 'ingest/a.ts': "import type { B } from '../query-api/b.ts'\n", 'query-api/b.ts': EMPTY },
    found: ['ingest/a.ts:1: The parts never import each other'],
  },
  {
    fault: 'a part that imports an adapter outside main.ts',
    files: {
      'ingest/a.ts': "import { nothing } from '../platform/adapters/sqlite/b.ts'\n",
      'ingest/main.ts': "import { nothing } from '../platform/adapters/sqlite/b.ts'\n",
      'platform/adapters/sqlite/b.ts': EMPTY,
    },
    found: ['ingest/a.ts:1: Only main.ts imports an adapter'],
  },
  {
    fault: 'a part that names the module of an adapter as a thread',
    files: {
      'ingest/a.ts': "export const at = new URL('../platform/adapters/sqlite/b.ts', import.meta.url)\n",
      'platform/adapters/sqlite/b.ts': EMPTY,
    },
    found: ['ingest/a.ts:1: Only main.ts imports an adapter'],
  },
  {
    fault: 'an adapter that imports another vendor',
    files: {
      'platform/adapters/x509/a.ts': "import { nothing } from '../sqlite/b.ts'\n",
      'platform/adapters/sqlite/b.ts': EMPTY,
    },
    found: ['platform/adapters/x509/a.ts:1: An adapter knows'],
  },
  {
    fault: 'a command that imports the composition root',
    files: { 'operate/commands/a.ts': "import { nothing } from '../up/b.ts'\n", 'operate/up/b.ts': EMPTY },
    found: ['operate/commands/a.ts:1: operate/up/b.ts puts the product together'],
  },
  {
    fault: 'a composition root that reaches past the door of a part',
    files: {
      'operate/up/a.ts':
        "import { nothing } from '../../ingest/service.ts'\nimport { nothing as inner } from '../../ingest/inner.ts'\n",
      'ingest/service.ts': EMPTY,
      'ingest/inner.ts': EMPTY,
    },
    found: ['operate/up/a.ts:2: The parts never import each other'],
  },
  {
    fault: 'product code that imports a test',
    files: { 'ingest/a.ts': "import { nothing } from '../test/b.ts'\n", 'test/b.ts': EMPTY },
    found: ['ingest/a.ts:1: test/b.ts is not part of the product'],
  },
  {
    fault: 'an import without its ending, and one that leads nowhere',
    files: { 'ingest/a.ts': "import { b } from './b'\nimport { c } from './c.ts'\n", 'ingest/b.ts': EMPTY },
    found: ['ingest/a.ts:1: ./b: write the ending .ts', 'ingest/a.ts:2: ./c.ts leads nowhere'],
  },
  {
    fault: 'three files in a circle',
    files: {
      'ingest/a.ts': "import { b } from './b.ts'\n",
      'ingest/b.ts': "\nimport { c } from './c.ts'\n",
      'ingest/c.ts': "import type { a } from './a.ts'\n",
    },
    found: ['ingest/c.ts:1: ingest/a.ts → ingest/b.ts → ingest/c.ts → ingest/a.ts: a circle'],
  },
  {
    fault: 'a tenant that is proven without proof',
    files: {
      'platform/ports/tenant-scope.ts': EMPTY,
      'query-api/routes/a.ts': "import { proveTenant } from '../../platform/ports/tenant-scope.ts'\n",
      'query-api/routes/b.ts': "import { proveTenant as p } from '../../platform/ports/tenant-scope.ts'\n",
      'query-api/routes/c.ts': "import * as scope from '../../platform/ports/tenant-scope.ts'\n",
      'query-api/routes/d.ts': "import type { TenantScope } from '../../platform/ports/tenant-scope.ts'\n",
      'query-api/authenticate.ts': "import { proveTenant } from '../platform/ports/tenant-scope.ts'\n",
    },
    found: [
      'query-api/routes/a.ts:1: proveTenant',
      'query-api/routes/b.ts:1: proveTenant',
      'query-api/routes/c.ts:1: proveTenant',
    ],
  },
  { fault: 'a file outside the layout', files: { 'stray/a.ts': EMPTY }, found: ['stray/a.ts:1: No folder of the layout'] },
  {
    fault: "a vendor's package outside its home",
    files: {
      'schemas/a.ts': "import { Ajv } from 'ajv/dist/2020.js'\n",
      'schemas/compile.ts': "import { Ajv } from 'ajv/dist/2020.js'\n",
    },
    found: ['schemas/a.ts:1: ajv may not be named here. It lives in ^schemas/compile.ts$'],
  },
  {
    fault: 'SQLite outside its adapter',
    files: { 'ingest/a.ts': "import { DatabaseSync } from 'node:sqlite'\nimport { join } from 'node:path'\n" },
    found: ['ingest/a.ts:1: node:sqlite may not be named here'],
  },
  {
    fault: 'packages that are not declared, or for development only',
    files: {
      'ingest/a.ts': "import x from '@scope/left-pad/deep.js'\nimport t from 'tap'\n",
      'test/a.ts': "import t from 'tap'\n",
    },
    found: [
      'ingest/a.ts:1: @scope/left-pad may not be named here. Give it a home',
      'ingest/a.ts:2: tap may not be named here',
      'ingest/a.ts:1: @scope/left-pad is not in package.json',
      'ingest/a.ts:2: tap is a development dependency',
    ],
  },
  {
    fault: 'a version that is a range',
    files: { 'package.json': '{\n"dependencies": {\n"aedes": "^1.2.0" } }' },
    found: ['package.json:3: aedes is "^1.2.0"'],
  },
  {
    fault: 'a lockfile without the package of a platform',
    files: {
      'package-lock.json':
        '{"packages":{"node_modules/a":{\n"optionalDependencies":{"b":"1.0.0",\n"c":"1.0.0"}},"node_modules/b":{}}}',
    },
    found: ['package-lock.json:3: c has no entry'],
  },
  {
    fault: 'a lockfile with the address of a registry',
    files: { 'package-lock.json': '{\n  "resolved": "https://registry.example/aedes.tgz"\n}' },
    found: ['package-lock.json:2: The address of a registry'],
  },
]
