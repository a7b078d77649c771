import type { Command } from 'commander'
import { createLogger, type LogOptions } from '../../platform/runtime/log.ts'
import type { AddCommand, Cli } from '../commands/cli.ts'
import { examples } from '../commands/examples.ts'
import { createProgress } from '../output/progress.ts'
import { banner } from './banner.ts'
import type { Demo } from './demo.ts'
import { createEnding } from './ending.ts'

export const addUp: AddCommand = (program, cli) => {
  program
    .command('up', { isDefault: false })
    .description('run everything in this process: MQTT, event log, processors, stores and API')
    .option('--no-demo', 'without the demo customer and its factory')
    .addHelpText(
      'after',
      examples('millrace up', 'millrace up --no-demo', 'MILLRACE_MQTT_PORT=18883 millrace up --data-dir /srv/millrace'),
    )
    .action((flags: { readonly demo: boolean }, command: Command) => runUp(cli, command, flags.demo))
}

async function runUp(cli: Cli, command: Command, hasDemo: boolean): Promise<void> {
  const { folder, output } = cli.settings(command)
  // Loaded here, so that other commands need not wait for it.
  const [{ readUpSettings }, { startUp }, { startDemo }] = await Promise.all([
    import('./settings.ts'),
    import('./start.ts'),
    import('./demo.ts'),
  ])
  const settings = readUpSettings(cli.dependencies.environment)
  const isPretty = output.streams.stderr.isTTY === true
  const logOptions = (part: string): LogOptions => ({ level: settings.up.MILLRACE_LOG_LEVEL, part, isPretty })
  const log = createLogger(logOptions('up'))
  const ending = createEnding(log)

  const up = await startUp({ folder, settings, logFor: (part) => createLogger(logOptions(part)), isPretty, onDeath: ending.die })
  const demo = hasDemo ? await begin() : undefined
  if (output.isJson)
    output.result(
      { mqttPort: up.mqttPort, apiUrl: up.apiUrl, metricsUrl: up.metricsUrl, folder, ...(demo && { token: demo.token }) },
      '',
    )
  else
    output.streams.stdout.write(
      banner({ up, folder, bold: (text) => output.paint('bold', text), ...(demo && { token: demo.token }) }),
    )
  log.info({ mqttPort: up.mqttPort, api: up.apiUrl, folder }, 'Millrace is running.')

  await ending.asked
  await ending.stop(async () => {
    await demo?.stop()
    await up.stop()
  })

  async function begin(): Promise<Demo> {
    const progress = createProgress(output, 'demo history')
    try {
      return await startDemo({
        up,
        folder,
        backfillDays: settings.up.MILLRACE_DEMO_BACKFILL_DAYS,
        logOptions: {
          ...logOptions('demo'),
          level: settings.up.MILLRACE_LOG_LEVEL === 'info' ? 'warn' : settings.up.MILLRACE_LOG_LEVEL,
        },
        onProgress: (state) => progress.update(state),
        onLive() {
          progress.stop()
          log.info('The demo factory is live.')
        },
        onDeath: (error) => log.error({ err: error }, 'The demo factory stopped; everything else goes on.'),
      })
    } catch (error) {
      await up.stop()
      throw error
    }
  }
}
