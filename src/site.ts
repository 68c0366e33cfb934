import { type Config, gatherMetrics, inProcesses, readConfig, readDotEnv, serve } from './index.js'
import { createSite } from './standalone.js'

// Starts on import, too: process managers load the file or run it under another name.
start().catch((error: unknown) => {
  process.stderr.write(`Gatehouse could not start:\n${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
})

async function start(): Promise<void> {
  readDotEnv()
  const config = readConfig(process.env)
  if (config.metrics && config.workers > 1) await gatherMetrics()
  const address = await inProcesses(config, async () => {
    const { app, metrics, ...ends } = await createSite(config)
    await metrics?.listen()
    return serve(app, { ...config, ...ends })
  })
  if (address === undefined) return
  process.stdout.write(
    `Gatehouse is running at ${address}\n${passkeyHint(config, address)}${mailHint(config, address)}`,
  )
  // PM2 waits for it where wait_ready is set.
  process.send?.('ready')
}

function passkeyHint({ baseUrl, development, features }: Config, address: string): string {
  if (features['account/passkeys'] === false) return ''
  const local = address.replace('//127.0.0.1', '//localhost')
  if (local === address || (baseUrl !== undefined && !development)) return ''
  return `Passkeys work at ${local} only: browsers have none for an IP address\n`
}

function mailHint({ mail, development }: Config, address: string): string {
  if (mail !== 'caught') return ''
  return development
    ? `Emails are caught, not sent. Read them at ${address}dev/mailbox/\n`
    : 'Emails are caught, not sent. To read them, run: npm run dev (it sets NODE_ENV=development)\n'
}
