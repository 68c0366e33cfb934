import Router from '@koa/router'
import Koa from 'koa'
import {
  accounts,
  type Config,
  createLog,
  formBody,
  healthChecks,
  readConfig,
  readDotEnv,
  requestLog,
  sealedSession,
  serve,
  siteKeys,
} from './index.js'

/** The runnable site, and the shortest example of how accounts are mounted into a site of your own. */
async function start(config: Config): Promise<string> {
  const log = createLog(config.logLevel)
  const house = await accounts({ ...config, development: !config.production, headers: false, log })
  const health = healthChecks(house.ready)

  const site = new Router({ strict: true })
  site.get('/', (ctx) => house.show(ctx, 'home/page.html'))
  site.get('/favicon.ico', house.favicon)

  const app = new Koa({ proxy: config.trustProxy > 0, maxIpsCount: config.trustProxy })
  app.on('error', (error) => log.error({ err: error }, 'answer failed'))
  app.use(requestLog(log))
  app.use(house.frame)
  app.use(health.checks)
  app.use(sealedSession(app, { keys: siteKeys(config), https: config.https }))
  app.use(formBody())
  app.use(house)
  app.use(site.routes())

  return serve(app, { ...config, onClosing: health.leave, onClosed: house.close })
}

try {
  readDotEnv()
  const address = await start(readConfig(process.env))
  process.stdout.write(`Gatehouse listens on ${address}\n`)
} catch (error) {
  process.stderr.write(`Gatehouse cannot start.\n${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
