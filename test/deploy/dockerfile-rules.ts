/** One instruction of a Dockerfile, its continued lines joined. */
export interface Instruction {
  readonly keyword: string
  readonly text: string
}

export interface DockerfileRule {
  readonly name: string
  /** @returns what is wrong, a sentence each. */
  check(all: readonly Instruction[]): readonly string[]
}

export function parseDockerfile(text: string): readonly Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line))
  return lines
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => {
      const [keyword = '', ...rest] = line.trim().split(/\s+/)
      return { keyword: keyword.toUpperCase(), text: rest.join(' ') }
    })
}

/** As hadolint has them (DL…), and some of our own. */
export const dockerfileRules: readonly DockerfileRule[] = [
  each('FROM names a version and a digest (DL3006, DL3007)', 'FROM', (text) =>
    /^[a-z0-9./-]+:\d+\.\d+\.\d+\S*@sha256:[0-9a-f]{64}( AS [a-z]+)?$/.test(text) ? undefined : `FROM ${text}`,
  ),
  each('nothing is added from afar or unpacked (DL3020)', 'ADD', (text) => `ADD ${text}: use COPY`),
  each('files belong to root, so that the program can not change itself', 'COPY', (text) =>
    /^--chown=0:0 /.test(text) ? undefined : `COPY ${text}: no --chown=0:0`,
  ),
  each('only what is named is copied', 'COPY', (text) =>
    / \.\/? /.test(` ${text}`) ? `COPY ${text}: names everything` : undefined,
  ),
  each('what apt installs has a version, and its lists go again (DL3008, DL3009, DL3015)', 'RUN', checkApt),
  each('npm installs what the lockfile says, without development and install scripts', 'RUN', (text) =>
    /npm (i|install)\b/.test(text) || (/npm ci/.test(text) && !/(?=.*--omit=dev)(?=.*--ignore-scripts)/.test(text))
      ? `RUN ${text}`
      : undefined,
  ),
  each('nothing fetched is run (DL4006)', 'RUN', (text) => (/(curl|wget)[^|]*\|/.test(text) ? `RUN ${text}` : undefined)),
  each('nobody becomes another user on the way (DL3004)', 'RUN', (text) => (/\bsudo\b/.test(text) ? `RUN ${text}` : undefined)),
  ...['ENV', 'ARG'].map((keyword) =>
    each(`no secret stands in ${keyword}`, keyword, (text) =>
      /(PASSWORD|SECRET|TOKEN|API_?KEY)(?!\w*_FILE)\w*(=|$)/i.test(text) ? `${keyword} ${text}` : undefined,
    ),
  ),
  each('folders are absolute (DL3000)', 'WORKDIR', (text) => (text.startsWith('/') ? undefined : `WORKDIR ${text}`)),
  ...['CMD', 'ENTRYPOINT'].map((keyword) =>
    each(`${keyword} has no shell around it (DL3025)`, keyword, (text) =>
      text.startsWith('[') ? undefined : `${keyword} ${text}`,
    ),
  ),
  {
    name: 'the program runs as a user with a number that is not 0 (DL3002)',
    check: (all) => {
      const user = lastStage(all).findLast(({ keyword }) => keyword === 'USER')?.text ?? 'nobody said'
      return /^[1-9]\d*:[1-9]\d*$/.test(user) ? [] : [`USER ${user}`]
    },
  },
  {
    name: 'the last stage has a health check and the labels of the Open Container Initiative',
    check: (all) => {
      const stage = lastStage(all)
      const labels = stage.filter(({ keyword }) => keyword === 'LABEL').map(({ text }) => text)
      const missing = ['title', 'description', 'version', 'revision', 'licenses'].filter(
        (label) => !labels.some((text) => text.includes(`org.opencontainers.image.${label}=`)),
      )
      const hasCheck = stage.some(({ keyword, text }) => keyword === 'HEALTHCHECK' && !text.startsWith('NONE'))
      return [...missing.map((label) => `no label ${label}`), ...(hasCheck ? [] : ['no HEALTHCHECK'])]
    },
  },
  {
    name: 'the last stage has no tools to build with',
    check: (all) =>
      lastStage(all)
        .filter(({ keyword, text }) => keyword === 'RUN' && /\b(npm (ci|i|install|run)|apt(-get)? install|gcc|make)\b/.test(text))
        .map(({ text }) => `RUN ${text}`),
  },
]

function each(name: string, keyword: string, judge: (text: string) => string | undefined): DockerfileRule {
  return {
    name,
    check: (all) =>
      all
        .filter((instruction) => instruction.keyword === keyword)
        .map(({ text }) => judge(text))
        .filter((found) => found !== undefined),
  }
}

function lastStage(all: readonly Instruction[]): readonly Instruction[] {
  return all.slice(all.findLastIndex(({ keyword }) => keyword === 'FROM'))
}

function checkApt(text: string): string | undefined {
  const install = /apt(?:-get)? (?:-\S+ )*install (.*?)(&&|;|$)/.exec(text)?.[1]
  if (install === undefined) return undefined
  const words = install.trim().split(/\s+/)
  const packages = words.filter((word) => !word.startsWith('-'))
  if (packages.some((word) => !word.includes('='))) return `RUN ${text}: a package without version`
  if (!words.includes('--no-install-recommends')) return `RUN ${text}: recommended packages too`
  return /rm -rf \/var\/lib\/apt\/lists/.test(text) ? undefined : `RUN ${text}: leaves /var/lib/apt/lists`
}
