import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import {
  type Accounts,
  type AccountsOptions,
  accounts,
  type Config,
  createLog,
  createMetrics,
  type Form,
  formBody,
  healthChecks,
  isGone,
  loadHooks,
  otherMethods,
  requestLog,
  requireRecentLogin,
  requireUser,
  sealedSession,
  siteKeys,
  userOf,
} from './index.js'

const NOTE_MAX = 200
const NOTE_LONG = {
  field: 'note',
  code: 'note_long',
  sentence: 'Your note must be {max} characters or fewer.',
  params: { max: NOTE_MAX },
}
const NOTE_KEPT = { code: 'note_kept', sentence: 'Your note is saved.' }

export async function createSite(config: Config, options: Partial<AccountsOptions> = {}) {
  const log = options.log ?? createLog(config.logLevel)
  const keys = siteKeys(config)
  const metrics = config.metrics && (await createMetrics(config.metrics))
  const hooks = await loadHooks(config.hooks)
  const gatehouse = await accounts({ ...optionsOf(config), keys, hooks, log, metrics, ...options })
  const health = healthChecks(gatehouse.ready)
  const site = ownPages(config, gatehouse)

  const app = new Koa({ proxy: config.trustProxy > 0, maxIpsCount: config.trustProxy })
  app.on('error', (error) => log[isGone(error) ? 'debug' : 'error']({ err: error }, 'response failed'))
  if (metrics) app.use(metrics.requests)
  app.use(requestLog(log))
  app.use(gatehouse.frame)
  app.use(health.checks)
  if (metrics) app.use(metrics.page)
  app.use(sealedSession(app, { keys, https: config.https, name: config.cookieName, path: config.cookiePath }))
  app.use(formBody())
  app.use(gatehouse)
  app.use(site.routes())
  app.use(otherMethods(site))
  return { app, metrics, onClosing: health.leave, onClosed: gatehouse.close }
}

function optionsOf(config: Config) {
  return {
    database: config.database,
    baseUrl: config.baseUrl,
    passkeyDomain: config.passkeyDomain,
    ...(config.passkeyOrigins && { passkeyOrigins: config.passkeyOrigins }),
    cookieName: config.cookieName,
    cookiePath: config.cookiePath,
    mail: config.mail,
    theme: config.theme,
    ...(config.themeColor && { themeColor: config.themeColor }),
    emailConfirmation: config.emailConfirmation,
    confirmationGrace: config.confirmationGrace,
    privateEmails: config.privateEmails,
    jumpMail: config.jumpMail,
    secondStep: config.secondStep,
    factorRecovery: config.factorRecovery,
    ...(config.secondStepFrom && { secondStepFrom: config.secondStepFrom }),
    passwordMinLength: config.passwordMinLength,
    passwordMinScore: config.passwordMinScore,
    siteName: config.siteName,
    signup: config.signup,
    usernames: config.usernames,
    emails: config.emails,
    loginErrors: config.loginErrors,
    loginAfter: config.loginAfter,
    features: config.features,
    workers: config.workers,
    compression: config.compression,
    lifetimes: config.lifetimes,
    limits: config.limits,
    templates: config.templates,
    ...(config.languages && { languages: config.languages }),
    development: config.development,
    headers: false, // the frame sets them for the whole site
  }
}

function ownPages(config: Config, gatehouse: Accounts): Router {
  const { pages } = gatehouse
  // Includes the path that the proxy strips, because browsers see it.
  const path = `${config.baseUrl === undefined ? '' : new URL(config.baseUrl).pathname.replace(/\/$/, '')}/members/recent/`
  const note: Form<'note'> = { name: 'members/recent', path, fields: ['note'], secret: [] }

  const site = new Router({ strict: true })
  site.get('/', (ctx) => pages.show(ctx, 'home/page.html'))
  site.get('/members/', requireUser, (ctx) => pages.show(ctx, 'members/page.html'))
  site.get('/members/recent/', requireRecentLogin, (ctx) => pages.form(ctx, note, { note: noteOf(ctx) }))
  site.post(
    '/members/recent/verify/',
    requireRecentLogin,
    gatehouse.onSubmit(note, async (ctx, values) => {
      if ([...values.note].length > NOTE_MAX)
        return await pages.refuse(ctx, note, { errors: [NOTE_LONG], values })
      keepNote(ctx, values.note)
      await pages.accept(ctx, note, { notice: { message: NOTE_KEPT }, to: path, values })
    }),
  )
  return site
}

// Several users may use one session one after another. Each sees only their own note.
function keepNote(ctx: Context, text: string): void {
  if (ctx.session) ctx.session.note = { by: userOf(ctx)?.id, text }
}

function noteOf(ctx: Context): string {
  const { by, text } = ctx.session?.note ?? {}
  return by === userOf(ctx)?.id ? String(text ?? '') : ''
}
