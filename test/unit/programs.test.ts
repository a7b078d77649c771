import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findProgram, needs } from '../programs.ts'

// Goal: a test that can not run says so on a developer's machine and fails in CI; it never passes by not running.
t.test('a program that is there is no reason to skip', async (t) => {
  t.equal(needs('sh'), false)
  t.match(findProgram('sh'), /\/sh$/)
})

t.test('a program that is missing is a reason to skip, and the reason says how to get it', async (t) => {
  t.match(needs('no-such-program', {}), /apt-get install no-such-program/)
})

t.test('a program that is missing is a failure where programs are required', async (t) => {
  t.throws(() => needs('no-such-program', { CI: 'true' }), /not installed/)
  t.throws(() => needs('no-such-program', { REQUIRE_PROGRAMS: '1' }), /not installed/)
})

t.test('a file that may not be executed is no program', async (t) => {
  const folder = t.testdir({ tool: '#!/bin/sh\n' })
  t.equal(findProgram('tool', [folder]), undefined)
  chmodSync(join(folder, 'tool'), 0o755)
  t.equal(findProgram('tool', [folder]), join(folder, 'tool'))
})
