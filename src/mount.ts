import type { IncomingMessage } from 'node:http'
import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import compose from 'koa-compose'
import type { Logger } from 'pino'
import type { DayCounts } from './accounts/day-counts.js'
import { type AccountsInCode, accountsInCode } from './accounts/host-accounts.js'
import { contentOf } from './accounts/mail-content.js'
import { startSweeping } from './accounts/sweep.js'
import { type Assembled, assemble } from './assemble.js'
import { features } from './features/index.js'
import { type Delivery, startDelivery } from './mail/delivery.js'
import { smtpTransport } from './mail/smtp.js'
import type { Transport } from './mail/transport.js'
import { type AccountsOptions, mailOf } from './options.js'
import { startRecordingKeys } from './secrets/key-notes.js'
import { refusePlatform } from './server/platform.js'
import { isHttps } from './settings.js'
import { isAdmin } from './visitor/admin-guard.js'
import { currentUser } from './visitor/current-user.js'
import { bringBack } from './visitor/drafts.js'
import { type Gatehouse, setGatehouse } from './visitor/gatehouse.js'
import { basePathOf, wholePrefixOf } from './web/base-path.js'
import { compression } from './web/compression.js'
import { errorPages, notFound } from './web/error-pages.js'
import type { Form } from './web/form.js'
import { headers, securityHeaders } from './web/headers.js'
import { mountedAt, seenPath, sentPath, setBase } from './web/http.js'
import { onward } from './web/message-box.js'
import { untrustedProxies } from './web/network.js'
import type { Pages } from './web/pages.js'
import { knows, missingSlash, otherMethods, RememberingRouter, type Route, routesIn } from './web/routes.js'
import { type Handle, onSubmit } from './web/submit.js'
import { isWellKnown, wellKnown } from './well-known.js'

/** Koa middleware that sets `ctx.state.user` for everything after it. */
export interface Accounts extends Middleware {
  /** Optional first middleware: compression, security headers, error pages, a 404 page, static files. */
  frame: Middleware
  /** Compression for apps without `frame`. Put it before anything that may replace a Gatehouse page. */
  compression: Middleware
  /** Renders pages and forms. Templates are looked up in your folders first. */
  pages: Pages
  /** Finds, creates, renames, disables and erases accounts, and more. */
  accounts: AccountsInCode
  /** Returns middleware that calls `handle` with a submitted form, after the CSRF and body checks. */
  onSubmit<Field extends string>(form: Form<Field>, handle: Handle<Field>): Middleware
  /** All Gatehouse routes, for example for a firewall. */
  routes: readonly Route[]
  /** Whether the database responds and is up to date. */
  ready(): Promise<boolean>
  /** Stops background work and closes the database. */
  close(): Promise<void>
}

/**
 * Returns the account system as Koa middleware. It needs `ctx.session` and a parsed `ctx.request.body`. Throws
 * if an option is wrong, a template does not compile, the database cannot be opened or the platform cannot run it.
 */
export async function accounts(options: AccountsOptions): Promise<Accounts> {
  refusePlatform()
  const assembled = await assemble(options)
  const { gatehouse } = assembled
  options.metrics?.watch(gatehouse)
  const router = await routerOf(assembled, options)
  const { frame, middleware } = stackOf(gatehouse, router, options)
  const close = startWork(assembled, options)
  warnWithoutMail(gatehouse, options)
  return Object.assign(middleware, {
    frame,
    compression,
    pages: gatehouse.pages,
    onSubmit: <Field extends string>(form: Form<Field>, handle: Handle<Field>) =>
      onSubmit(form, gatehouse, handle),
    accounts: accountsInCode(gatehouse),
    routes: routesIn(router),
    ready: gatehouse.database.ready,
    close,
  })
}

async function routerOf({ gatehouse, features }: Assembled, options: AccountsOptions): Promise<Router> {
  const router = new RememberingRouter({ prefix: wholePrefixOf(options), strict: true, sensitive: true })
  for (const feature of features) await feature.routes(router, gatehouse)
  router.get('/onward/', onward(gatehouse, gatehouse.places.home))
  return router
}

interface Stack {
  frame: Middleware
  middleware: Middleware
}

function stackOf(gatehouse: Gatehouse, router: Router, options: AccountsOptions): Stack {
  const { assets, pages, log } = gatehouse
  const framed = new WeakSet<IncomingMessage>()
  const always = headers(securityHeaders({ https: isHttps(options) }))
  const errors = errorPages({ pages, log, development: options.development ?? false })
  const visitor = compose([currentUser(gatehouse), bringBack(gatehouse)])
  const routed = compose([asMiddleware(router), otherMethods(router)])
  const page = compose([wellKnown(gatehouse), visitor, routed])
  const own = options.headers === false ? [] : [always]
  const behindFrame = compose([...own, page])
  const alone = compose([...own, errors, assets.serve, page])
  const others = compose([missingSlash(router), visitor])
  const adminPage: Middleware = (ctx, next) =>
    framed.has(ctx.req) ? compose([...own, routed])(ctx, next) : compose([...own, errors, routed])(ctx, next)
  const hidden = compose([visitor, forAdmins(router, adminPage)])
  const noteForwarded = options.address === undefined ? untrustedProxies(log) : () => {}
  const base = basePathOf(options)
  const warnUnstripped = unstrippedPaths(router, log, base)
  const middleware: Middleware = (ctx, next) => {
    setGatehouse(ctx, gatehouse)
    noteForwarded(ctx)
    warnUnstripped(ctx)
    if (isHidden(ctx, gatehouse)) return hidden(ctx, next)
    const isOwn = assets.isAt(ctx.path) || knows(router, ctx.path) || isWellKnown(ctx, gatehouse)
    if (!isOwn) return others(ctx, next)
    return framed.has(ctx.req) ? behindFrame(ctx, next) : alone(ctx, next)
  }
  const enterFrame: Middleware = (ctx, next) => {
    setBase(ctx, base)
    framed.add(ctx.req)
    return next()
  }
  const encoding = options.compression === false ? [] : [compression]
  const frame = compose([...encoding, enterFrame, always, errors, notFound, favicon(gatehouse), assets.serve])
  return { frame, middleware: unmounted(options, middleware) }
}

function unstrippedPaths(router: Router, log: Logger, base: string): (ctx: Context) => void {
  let isNoted = base === ''
  return (ctx) => {
    if (isNoted || !knows(router, sentPath(ctx))) return
    isNoted = true
    log.warn({ path: base }, 'requests still have the path of BASE_URL (baseUrl): the proxy must strip it')
  }
}

function isHidden({ path }: Context, { offers, url }: Gatehouse): boolean {
  return offers('admin') && `${path}/`.startsWith(url('admin'))
}

// For everyone else these pages do not exist, so the app responds as to any unknown path.
function forAdmins(router: Router, page: Middleware): Middleware {
  const unknown = missingSlash(router)
  return (ctx, next) => {
    if (!isAdmin(ctx)) return next()
    return knows(router, ctx.path) ? page(ctx, next) : unknown(ctx, next)
  }
}

// Browsers request this path whatever the page says.
function favicon({ assets }: Gatehouse): Middleware {
  return (ctx, next) => (ctx.path === '/favicon.ico' ? assets.sendAsset(ctx, 'favicon.ico') : next())
}

// The router sets `params` itself, but its type requires a context that already has them.
function asMiddleware(router: Router): Middleware {
  const routes = router.routes()
  return (ctx, next) => routes(Object.assign(ctx, { params: {}, router }), next)
}

// koa-mount and proxies shorten the path. Gatehouse needs the whole path, later middleware the short one.
function unmounted(options: AccountsOptions, middleware: Middleware): Middleware {
  const { prefix = '' } = options
  const base = basePathOf(options)
  return async (ctx, next) => {
    const mount = mountedAt(ctx)
    setBase(ctx, base)
    if (mount === '' && base === '') return await middleware(ctx, next)
    if (!`${prefix}/`.startsWith(`${mount}/`)) throw new Error(prefixNeeded(mount))
    const { path } = ctx
    const whole = seenPath(ctx)
    ctx.path = whole
    await middleware(ctx, async () => {
      ctx.path = path
      await next()
      ctx.path = whole
    })
    ctx.path = path
  }
}

function prefixNeeded(mount: string): string {
  return `Gatehouse is mounted at ${mount}, so its links must begin with that. Set the option prefix to '${mount}' or a path below it.`
}

function startWork(
  { gatehouse, keyring, dayCounts }: Assembled,
  options: AccountsOptions,
): () => Promise<void> {
  const stopSweeping = startSweeping(gatehouse)
  const stopNotingKeys = startRecordingKeys(gatehouse, keyring)
  const mailing = gatehouse.outbox.isOn ? startMails(gatehouse, dayCounts, options) : undefined
  return async () => {
    stopNotingKeys()
    options.metrics?.close()
    await Promise.all([stopSweeping(), mailing?.close(), gatehouse.events.close()])
    await dayCounts.close()
    await gatehouse.database.close()
  }
}

// Origin of links in caught emails. The mailbox page shows only their path.
const CAUGHT_ORIGIN = 'http://localhost'

function startMails(gatehouse: Gatehouse, { mailFailed }: DayCounts, options: AccountsOptions): Delivery {
  return startDelivery({
    ...gatehouse,
    transport: transportOf(options),
    origin: gatehouse.origin ?? CAUGHT_ORIGIN,
    onFailed: mailFailed,
    contentOf: (stored) => contentOf(gatehouse, stored),
  })
}

function transportOf(options: AccountsOptions): Transport | undefined {
  const mail = mailOf(options)
  if (typeof mail !== 'object') return undefined
  return 'send' in mail ? mail : smtpTransport(mail)
}

function warnWithoutMail(
  { log, outbox }: Gatehouse,
  { mail, emails, development = false, features: switches = {} }: AccountsOptions,
): void {
  if (outbox.isCaught && !development) {
    log.warn('emails are caught, not sent (option mail): /dev/mailbox/ shows them in development only')
  }
  if (outbox.isOn || mail !== undefined || emails === 'none') return
  const missing = features.filter(({ name, needs }) => needs === 'mail' && switches[name] !== false)
  log.warn(
    { features: missing.map(({ name }) => name) },
    "no mail server (option mail): these features are off and no notices are sent; set mail: 'off' to confirm",
  )
}
