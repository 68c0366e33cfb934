import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Router from '@koa/router'
import Koa from 'koa'
import {
  type AccountsOptions,
  accounts,
  type Config,
  createLog,
  formBody,
  healthChecks,
  isGone,
  otherMethods,
  readConfig,
  readDotEnv,
  requestLog,
  sealedSession,
  serve,
  siteKeys,
} from './index.js'

/** The runnable site, and the shortest example of how accounts are mounted into a site of your own. */
export async function createSite(config: Config, options: Partial<AccountsOptions> = {}) {
  const log = options.log ?? createLog(config.logLevel)
  const keys = siteKeys(config)
  const house = await accounts({
    database: config.database,
    keys,
    baseUrl: config.baseUrl,
    passwordMinLength: config.passwordMinLength,
    lifetimes: config.lifetimes,
    limits: config.limits,
    development: !config.production,
    headers: false, // the frame sets them for the whole site
    log,
    ...options,
  })
  const health = healthChecks(house.ready)

  const site = new Router({ strict: true })
  site.get('/', (ctx) => house.show(ctx, 'home/page.html'))

  const app = new Koa({ proxy: config.trustProxy > 0, maxIpsCount: config.trustProxy })
  app.on('error', (error) => log[isGone(error) ? 'debug' : 'error']({ err: error }, 'answer failed'))
  app.use(requestLog(log))
  app.use(house.frame)
  app.use(health.checks)
  app.use(sealedSession(app, { keys, https: config.https }))
  app.use(formBody())
  app.use(house)
  app.use(site.routes())
  app.use(otherMethods(site))
  return { app, onClosing: health.leave, onClosed: house.close }
}

async function start(): Promise<void> {
  readDotEnv()
  const config = readConfig(process.env)
  const { app, ...ends } = await createSite(config)
  const address = await serve(app, { ...config, ...ends })
  process.stdout.write(`Gatehouse listens on ${address}\n`)
}

const program = process.argv[1]

if (program !== undefined && realpathSync(program) === fileURLToPath(import.meta.url)) {
  start().catch((error: unknown) => {
    process.stderr.write(`Gatehouse cannot start.\n${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  })
}
