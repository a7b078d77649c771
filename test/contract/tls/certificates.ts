import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { run } from '../../../scripts/services/run.ts'

export interface Certificates {
  readonly folder: string
  readonly caFile: string
  readonly caPem: string
  readonly certFile: string
  readonly keyFile: string
}

/** A root, and a server's certificate of it, made by openssl. @param names  As openssl writes them: `DNS:localhost,IP:127.0.0.1`. */
export async function makeCertificates(folder: string, names: string): Promise<Certificates> {
  await mkdir(folder, { recursive: true })
  const at = (name: string) => join(folder, name)
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', ['req', '-x509', ...key, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-subj', '/CN=root', '-days', '2'])
  await run('openssl', ['req', ...key, '-keyout', at('server.key'), '-out', at('server.csr'), '-subj', '/CN=server'])
  await writeFile(at('names'), `subjectAltName=${names}\n`)
  const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names'), '-days', '2']
  await run('openssl', ['x509', '-req', '-in', at('server.csr'), ...signing, '-out', at('server.pem')])
  const files = { caFile: at('ca.pem'), certFile: at('server.pem'), keyFile: at('server.key') }
  return { folder, ...files, caPem: await readFile(files.caFile, 'utf8') }
}

/** In a folder of its own, gone after the test. */
export async function certificatesFor(t: Test, names: string): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return makeCertificates(folder, names)
}
