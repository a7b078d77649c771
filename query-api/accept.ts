const MEDIA_RANGES_MAX = 32

/**
 * Whether an `Accept` header (RFC 9110, section 12.5.1) takes answers of `mediaType`. The most specific range decides; no header takes all.
 */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined || header.trim() === '') return true
  const [type = ''] = mediaType.split('/')
  const specificityOf = new Map([
    [mediaType, 3],
    [`${type}/*`, 2],
    ['*/*', 1],
  ])
  let best = 0
  let weight = 0
  for (const range of header.split(',', MEDIA_RANGES_MAX)) {
    const [name = '', ...parameters] = range.split(';')
    const specificity = specificityOf.get(name.trim().toLowerCase()) ?? 0
    if (specificity <= best) continue
    best = specificity
    weight = weightOf(parameters)
  }
  return weight > 0
}

function weightOf(parameters: readonly string[]): number {
  const written = parameters.map((parameter) => parameter.trim().toLowerCase()).find((parameter) => parameter.startsWith('q='))
  if (written === undefined) return 1
  const weight = Number(written.slice(2))
  return Number.isFinite(weight) ? weight : 0
}
