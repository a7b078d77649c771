import { readFile } from 'node:fs/promises'
import { type Call, parseTrace } from './parse-trace.ts'

/** Whole pages of the log must be seen: 16 KiB and a frame's header. */
const STRING_BYTES_MAX = 70_000

/** Arguments that make strace write what it sees of a program and its threads to `file`. */
export const straceArguments = (file: string): readonly string[] => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-ttt',
  '-xx',
  '-yy',
  '-s',
  String(STRING_BYTES_MAX),
  '-e',
  'trace=fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg',
  '-e',
  'signal=none',
  '-o',
  file,
]

/** Arguments that make every sync of one file fail as a broken disk would: with EIO, from the call number `from` on. */
export const failSync = (path: string, from: number): readonly string[] => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-P',
  path,
  '-e',
  'trace=fdatasync,fsync',
  '-e',
  `inject=fdatasync,fsync:error=EIO:when=${from}+`,
  '-e',
  'signal=none',
  '-o',
  '/dev/null',
]

/** What strace has seen of sockets, and of files whose path ends in `fileEnd`. */
export const readTrace = async (file: string, fileEnd: string): Promise<readonly Call[]> =>
  parseTrace(await readFile(file, 'latin1'), (target) => target.startsWith('TCP') || target.endsWith(fileEnd))
