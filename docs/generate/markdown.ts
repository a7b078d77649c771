/** A page of the reference. */
export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
}

/** A Markdown page that begins by saying where it comes from, so that nobody mends the copy. */
export function page(path: string, options: { title: string; source: string; blocks: readonly string[] }): Page {
  const origin = `<!-- Made by \`npm run docs\` from ${options.source}. Change it there. -->`
  return { path, text: `${[origin, `# ${options.title}`, ...options.blocks].join('\n\n')}\n` }
}

/** Cells may hold inline Markdown; a line break or a bar in them would end the cell, so both are written otherwise. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export const code = (text: string): string => (text === '' ? '' : `\`${text}\``)

const cell = (text: string): string => text.replaceAll('\n', ' ').replaceAll('|', '\\|')
