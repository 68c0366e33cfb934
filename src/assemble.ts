import { createRequire } from 'node:module'
import { join } from 'node:path'
import Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import compose from 'koa-compose'
import type { Logger } from 'pino'
import { createEvents } from './accounts/events.js'
import { listener } from './accounts/hooks.js'
import { letterOf } from './accounts/letters.js'
import { LIFETIMES } from './accounts/lifetimes.js'
import { createLimits, LIMITS, type Limits, UNLIMITED } from './accounts/limits.js'
import { KINDS } from './accounts/mail-kinds.js'
import { siteWordsOf } from './accounts/registry.js'
import { startSweeping } from './accounts/sweep.js'
import { root } from './base/package.js'
import { added, checkSwitches, features, linksOf, offered } from './features/index.js'
import { startMailing } from './mail/delivery.js'
import { createOutbox, type Outbox } from './mail/outbox.js'
import { smtpTransport } from './mail/smtp.js'
import type { Transport } from './mail/transport.js'
import { type AccountsOptions, checkOptions, mailOf } from './options.js'
import { createCodes } from './secrets/code-mac.js'
import { keptKeys } from './secrets/key-file.js'
import { startNotingKeys } from './secrets/key-notes.js'
import { createKeyring, type Keyring } from './secrets/keyring.js'
import { createPasswords, gateOf } from './secrets/password.js'
import { createPseudonym } from './secrets/pseudonym.js'
import { createSeal, remembering } from './secrets/seal.js'
import type { StoredMail } from './tables/mails.js'
import { type Database, openDatabase } from './tables/schema.js'
import { createVoices, PASSWORD_MIN_LENGTH, type Voices } from './views/site-views.js'
import { noteOtherHtmx, noteStrangers } from './views/templates.js'
import { currentUser, noteLanguage } from './visitor/current-user.js'
import { bringBack, typedOf } from './visitor/drafts.js'
import type { Gatehouse } from './visitor/gatehouse.js'
import { enter } from './visitor/gatehouse.js'
import { userOf } from './visitor/guards.js'
import { loginCookie } from './visitor/login-cookie.js'
import { halfLoggedIn, halfLoginOf } from './visitor/login-steps.js'
import { sessionOf } from './visitor/logins.js'
import { type Assets, loadAssets } from './web/assets.js'
import { compression } from './web/compression.js'
import { createCsrf, isFromElsewhere } from './web/csrf.js'
import { errorPages, notFound } from './web/error-pages.js'
import type { Form } from './web/form.js'
import { headers, securityHeaders } from './web/headers.js'
import { mountedAt, refusesMethod, seenPath } from './web/http.js'
import { createLanguageChoice, type LanguageChoice } from './web/language.js'
import { createLog } from './web/log.js'
import { onward } from './web/message-box.js'
import { addressReader, untrustedProxies } from './web/network.js'
import { createNotices } from './web/notices.js'
import { SitePages } from './web/page.js'
import type { Pages } from './web/pages.js'
import { knows, missingSlash, otherMethods, type Route, routesIn, type Url, urlsUnder } from './web/routes.js'
import { COOKIE_NAME, type OwnCookie, ownCookie } from './web/sealed-cookie.js'
import { type Places, SITE_NAME } from './web/site.js'
import { type Handle, onSubmit } from './web/submit.js'

/** The middleware, and what a host may ask of it. It sets `ctx.state.user` for all that stands behind it. */
export interface Accounts extends Middleware {
  /**
   * For a site that is all ours, before everything else: compressed pages, security headers, error pages, a 404 page,
   * static files.
   */
  frame: Middleware
  /** Compresses our pages for a host without that frame; for before whatever may still put its own answer in their place. */
  compression: Middleware
  /** Answers with pages and forms in the look of Gatehouse; templates are found in your folders. */
  pages: Pages
  /** What is done when a form of yours is sent: with our CSRF check, limits on the body, and answers to both browsers. */
  onSubmit<Field extends string>(form: Form<Field>, handle: Handle<Field>): Middleware
  /** Every address of ours, for firewalls and the like. */
  routes: readonly Route[]
  /** Whether the database answers and is up to date. */
  ready(): Promise<boolean>
  /** Ends the work in the background and closes the database. */
  close(): Promise<void>
}

/**
 * The account system as Koa middleware. It needs `ctx.session` and a parsed `ctx.request.body`, and says so at the first
 * request without. Throws a sentence if an option is wrong, a template does not compile or the database cannot be opened.
 */
export async function accounts(options: AccountsOptions): Promise<Accounts> {
  checkOptions(options)
  checkSwitches(options.features ?? {})
  const { gatehouse, keyring } = await build(options)
  options.metrics?.watch(gatehouse)
  const frame = frameOf(gatehouse, options)
  const router = routerOf(gatehouse, options)
  const stopSweeping = startSweeping(gatehouse)
  const stopNotingKeys = startNotingKeys(gatehouse, keyring)
  const mailing = gatehouse.outbox.isOn ? startMailing(mailingOf(gatehouse, options)) : undefined
  warnWithoutMail(gatehouse, options)
  return Object.assign(doorOf(gatehouse, router, frame, options), {
    frame: compose([
      ...(options.compression === false ? [] : [compression]),
      frame.headers,
      frame.errors,
      notFound,
      favicon(gatehouse.assets),
      gatehouse.assets.serve,
    ]),
    compression,
    pages: gatehouse.pages,
    onSubmit: <Field extends string>(form: Form<Field>, handle: Handle<Field>) =>
      onSubmit(form, gatehouse, handle),
    routes: routesIn(router),
    ready: gatehouse.database.ready,
    async close() {
      stopSweeping()
      stopNotingKeys()
      options.metrics?.close()
      await Promise.all([mailing?.close(), gatehouse.events.close()])
      await gatehouse.database.close()
    },
  })
}

/** Says what a host may not have thought of. Who has said `off` knows it. */
function warnWithoutMail(
  { log, outbox }: Gatehouse,
  { mail, development = false, features: switches = {} }: AccountsOptions,
): void {
  if (outbox.isCaught && !development) {
    log.warn('emails are caught and not sent (option mail): development alone shows them, at /dev/mailbox/')
  }
  if (outbox.isOn || mail !== undefined) return
  const missing = features.filter(({ name, needs }) => needs === 'mail' && switches[name] !== false)
  log.warn(
    { features: missing.map(({ name }) => name) },
    "no mail server (option mail): these features are not offered, and owners are told of nothing; mail: 'off' says that this is meant",
  )
}

// The database comes last: nothing has to be closed again if something else is wrong.
async function build(options: AccountsOptions): Promise<{ gatehouse: Gatehouse; keyring: Keyring }> {
  const { workers = 1 } = options
  const url = urlsUnder(options.prefix ?? '')
  const places = placesOf(options.places)
  const assets = loadOwnAssets(url, options)
  const log = options.log ?? createLog('info')
  const now = options.now ?? Date.now
  const keyring = keyringOf(options)
  const outbox = outboxOf(options, { keyring, now })
  if (options.development) noteStrangers(options.templates ?? [], log)
  noteOtherHtmx(options.templates ?? [], log)
  const available = offered(outbox, {
    development: options.development ?? false,
    switches: options.features,
  })
  const offers = (name: string) => available.some((feature) => feature.name === name)
  const globals = { links: linksOf(available), added }
  const voices = createVoices(options, { url, places, assets, offers, globals, now })
  const languages = languageChoiceOf(voices, options, (ctx, tag) => noteLanguage(ctx, gatehouse, tag))
  const cookie = cookiesOf(options, keyring)
  const login = loginCookie(cookie())
  const csrf = createCsrf({
    cookie: cookie('csrf'),
    spare: keyring.ids.map((id) => cookie(`csrf-${id}`)),
    ofLogin: (ctx) => login.read(ctx)?.csrf,
  })
  const pages = new SitePages({
    languages,
    views: voices.of,
    csrf,
    notices: createNotices({
      cookie: cookie('notice'),
      readerOf: (ctx) => sessionOf(ctx)?.id ?? '',
      now,
    }),
    url,
    shared: (ctx) => ({ user: userOf(ctx) }),
    visitor: {
      id: (ctx) => userOf(ctx)?.id ?? halfLoginOf(ctx, gatehouse)?.userId,
      name: async (ctx) => userOf(ctx)?.name ?? (await halfLoggedIn(ctx, gatehouse))?.user.name,
    },
    typed: typedOf,
  })
  const database = await openDatabase(options.database, {
    workers,
    onRetry: (error) => log.debug({ err: error }, 'others were in the way: the database is asked again'),
  })
  const gatehouse: Gatehouse = {
    pages,
    assets,
    log,
    url,
    offers,
    places,
    rules: {
      passwordMinLength: options.passwordMinLength ?? PASSWORD_MIN_LENGTH,
      siteWords: siteWordsOf(options),
      confirmation: options.emailConfirmation ?? 'optional',
      privateEmails: options.privateEmails ?? false,
    },
    jumpMail: options.jumpMail ?? false,
    lifetimes: { ...LIFETIMES, ...options.lifetimes },
    limits: limitsOf(options, { database, keyring, log, now }),
    events: createEvents({ database, log, onEvent: listener(options) }),
    outbox,
    languageOf: languages.of,
    countLogin: (outcome) => options.metrics?.login(outcome),
    render: (language, template, values) => voices.of(language).renderMail(template, values),
    codes: createCodes(keyring.secrets('codes')),
    mailKinds: { ...KINDS, ...added.mails },
    csrf,
    loginCookie: login,
    halfLoginCookie: cookie('half'),
    deviceCookie: cookie('device'),
    seal: createSeal(keyring.sealKeys('brought back')),
    origin: originOf(options),
    hooks: options.hooks ?? {},
    siteName: options.siteName ?? SITE_NAME,
    signupFields: options.signupFields ?? [],
    address: addressReader(options.address ?? ((ctx) => ctx.ip)),
    now,
    pseudonym: createPseudonym(keyring.secrets('log')[0]),
    passwords: createPasswords(options.passwordCosts, gateOf(workers)),
    database,
  }
  return { gatehouse, keyring }
}

function keyringOf({ keys, database }: AccountsOptions): Keyring {
  return createKeyring(keys ?? keptKeys(database))
}

function limitsOf(
  { limits = {} }: AccountsOptions,
  { database, keyring, log, now }: { database: Database; keyring: Keyring; log: Logger; now: () => number },
): Limits {
  if (limits !== 'off') {
    return createLimits({
      database,
      rules: { ...LIMITS, ...added.limits, ...limits },
      messages: Object.fromEntries(
        Object.entries(added.limits).map(([name, { message }]) => [name, message]),
      ),
      secrets: keyring.secrets('limits'),
      now,
    })
  }
  log.warn('Limits are off (RATE_LIMITS): passwords can be guessed as fast as they can be checked.')
  return UNLIMITED
}

function outboxOf(
  options: AccountsOptions,
  { keyring, now }: { keyring: Keyring; now: () => number },
): Outbox {
  const mail = mailOf(options)
  const mode = typeof mail === 'object' ? 'sent' : mail
  return createOutbox({ mode, keyring, now })
}

/** Where links begin of mails that nobody gets but the maintainer, whose mailbox page shows the path alone. */
const CAUGHT_ORIGIN = 'http://localhost'

function mailingOf(gatehouse: Gatehouse, options: AccountsOptions) {
  const mail = mailOf(options)
  return {
    ...gatehouse,
    transport: transportOf(mail),
    origin: gatehouse.origin ?? CAUGHT_ORIGIN,
    letterOf: (stored: StoredMail) => letterOf(gatehouse, stored),
  }
}

function transportOf(mail: ReturnType<typeof mailOf>): Transport | undefined {
  if (typeof mail !== 'object') return undefined
  return 'send' in mail ? mail : smtpTransport(mail)
}

/** Makes our cookies: that of the login has the site's name for cookies alone, others have a word more. */
function cookiesOf(options: AccountsOptions, keyring: Keyring): (word?: string) => OwnCookie {
  return (word = '') =>
    ownCookie({
      name: cookieWord(options, word),
      seal: remembering(createSeal(keyring.sealKeys(`${word || 'login'} cookie`))),
      https: isHttps(options),
    })
}

function cookieWord({ cookieName = COOKIE_NAME }: AccountsOptions, word: string): string {
  return [cookieName, word].filter(Boolean).join('-')
}

function originOf({ baseUrl }: AccountsOptions): string | undefined {
  return baseUrl === undefined ? undefined : new URL(baseUrl).origin
}

function isHttps({ baseUrl }: AccountsOptions): boolean {
  return baseUrl?.startsWith('https:') ?? false
}

function placesOf({ home = '/', ...others }: Partial<Places> = {}): Places {
  return { home, afterSignup: home, afterLogin: home, afterLogout: home, ...others }
}

// htmx is served from its own package, never copied.
function loadOwnAssets(url: Url, { development = false }: AccountsOptions): Assets {
  const { resolve } = createRequire(import.meta.url)
  const files = {
    'htmx.js': resolve('htmx.org/dist/htmx.min.js'),
    'no-answer.js': join(root, 'public', 'no-answer.js'),
    'site.css': join(root, 'public', 'site.css'),
    'favicon.svg': join(root, 'public', 'favicon.svg'),
    'favicon.ico': join(root, 'public', 'favicon.ico'),
  }
  return loadAssets({ files, base: url('assets'), reload: development })
}

// Browsers ask for it there whatever the page says.
function favicon(assets: Assets): Middleware {
  return (ctx, next) => (ctx.path === '/favicon.ico' ? assets.answer(ctx, 'favicon.ico') : next())
}

function languageChoiceOf(
  { all }: Voices,
  options: AccountsOptions,
  onChosen: (ctx: Context, tag: string) => void,
): LanguageChoice {
  const { language } = options
  return createLanguageChoice({
    offered: all,
    cookie: { name: cookieWord(options, 'language'), https: isHttps(options) },
    decide: typeof language === 'function' ? language : undefined,
    isFromElsewhere: (ctx) => isFromElsewhere(ctx, originOf(options)),
    onChosen,
  })
}

interface Frame {
  headers: Middleware
  errors: Middleware
}

/** Security headers and error pages around whatever stands behind them. */
function frameOf({ pages, log }: Gatehouse, options: AccountsOptions): Frame {
  return {
    headers: headers(securityHeaders({ https: isHttps(options) })),
    errors: errorPages({ pages, log, development: options.development ?? false }),
  }
}

/** Finds out who is there, for the host too, and answers what is ours; the rest is the host's. */
function doorOf(
  gatehouse: Gatehouse,
  router: Router,
  { headers, errors }: Frame,
  options: AccountsOptions,
): Middleware {
  const { assets } = gatehouse
  const load = currentUser(gatehouse)
  const back = bringBack(gatehouse)
  const own = compose([
    ...(options.headers === false ? [] : [headers]),
    errors,
    changePassword(gatehouse),
    assets.serve,
    load,
    back,
    asMiddleware(router),
    otherMethods(router),
  ])
  const others = compose([missingSlash(router), load, back])
  const noteForwarded = options.address === undefined ? untrustedProxies(gatehouse.log) : () => {}
  return unmounted(options, (ctx, next) => {
    enter(ctx, gatehouse)
    noteForwarded(ctx)
    const isOwn = assets.isAt(ctx.path) || knows(router, ctx.path) || isChangePassword(ctx, gatehouse)
    return isOwn ? own(ctx, next) : others(ctx, next)
  })
}

// koa-mount takes the beginning off the path. Our routes, forms and links are known by the whole one, and what stands
// behind us finds the path as it was.
function unmounted({ prefix = '' }: AccountsOptions, door: Middleware): Middleware {
  return async (ctx, next) => {
    const mount = mountedAt(ctx)
    if (mount === '') return await door(ctx, next)
    if (!`${prefix}/`.startsWith(`${mount}/`)) throw new Error(prefixNeeded(mount))
    const { path } = ctx
    const whole = seenPath(ctx)
    ctx.path = whole
    await door(ctx, async () => {
      ctx.path = path
      await next()
      ctx.path = whole
    })
    ctx.path = path
  }
}

function prefixNeeded(mount: string): string {
  return `Gatehouse is mounted at ${mount}, and its links have to begin with that: give it the option prefix '${mount}', or one below it.`
}

// Where password managers look for the page that changes a password, at the root whatever the prefix is (W3C "A
// Well-Known URL for Changing Passwords").
function isChangePassword(ctx: Context, { offers }: Gatehouse): boolean {
  return ctx.path === '/.well-known/change-password' && offers('account/password')
}

function changePassword(gatehouse: Gatehouse): Middleware {
  const { pages, url } = gatehouse
  return async (ctx, next) => {
    if (!isChangePassword(ctx, gatehouse)) return await next()
    if (!refusesMethod(ctx)) pages.leave(ctx, url('account/password'))
  }
}

function routerOf(
  gatehouse: Gatehouse,
  { prefix = '', development = false, features }: AccountsOptions,
): Router {
  const router = new Router({ prefix, strict: true, sensitive: true })
  for (const feature of offered(gatehouse.outbox, { development, switches: features }))
    feature.routes(router, gatehouse)
  router.get('/onward/', onward(gatehouse, gatehouse.places.home))
  return router
}

// The router's type asks for a context that carries its own `params`, which it sets itself.
function asMiddleware(router: Router): Middleware {
  return router.routes() as unknown as Middleware
}
