import { isIPv4, isIPv6 } from 'node:net'

/** Whether an address is reachable from this machine alone. Any other name than `localhost` could resolve to anything, and is not. */
export function isLoopback(host: string): boolean {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
  if (isIPv4(bare)) return bare.startsWith('127.')
  if (isIPv6(bare)) return bare === '::1' || /^::ffff:127\./i.test(bare)
  return bare.toLowerCase() === 'localhost'
}

/** The host of a `Host` header, without its port. */
export function hostOf(header: string): string {
  return header.replace(/:\d+$/, '')
}

/** An address as a URL writes it. */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
