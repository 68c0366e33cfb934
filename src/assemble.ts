import type { Context } from 'koa'
import { upcomingConfirmationAt } from './accounts/confirmation-rule.js'
import { createDayCounts, type DayCounts } from './accounts/day-counts.js'
import { createEvents, type OnEvent } from './accounts/events.js'
import { listener } from './accounts/hooks.js'
import { WITHOUT_EMAILS } from './accounts/limit-reached.js'
import { LIMITS } from './accounts/limit-rules.js'
import type { Limits } from './accounts/limits.js'
import { createLimits, UNLIMITED } from './accounts/limits.js'
import { KINDS } from './accounts/mail-kinds.js'
import { lostOf } from './accounts/second-lost.js'
import { developmentFeatures } from './dev/index.js'
import { added, checkSwitches, features, offered } from './features/index.js'
import { createOutbox, type Outbox } from './mail/outbox.js'
import { refuseConflicts } from './option-conflicts.js'
import { type AccountsOptions, checkOptions, mailOf } from './options.js'
import { APP_SECRETS } from './secrets/authenticator.js'
import { createChallenges } from './secrets/challenge.js'
import { createCipher } from './secrets/cipher.js'
import { createCodes } from './secrets/code-mac.js'
import { keysBesideDatabase } from './secrets/key-file.js'
import { createKeyring, type Keyring } from './secrets/keyring.js'
import { createPasswords, hashingLimits } from './secrets/password.js'
import { createPseudonym } from './secrets/pseudonym.js'
import { createNextToken } from './secrets/token.js'
import { cookieOptions, settingsOf } from './settings.js'
import { languageChoiceOf, noteTemplates, viewsOf } from './site-pages.js'
import { type Database, openDatabase } from './tables/schema.js'
import { noteLanguage } from './visitor/current-user.js'
import { typedOf } from './visitor/drafts.js'
import type { Feature } from './visitor/feature.js'
import type { Gatehouse } from './visitor/gatehouse.js'
import { userOf } from './visitor/guards.js'
import { loginCookie } from './visitor/login-cookie.js'
import { halfLoggedIn, halfLoginOf } from './visitor/login-steps.js'
import { sessionOf } from './visitor/logins.js'
import { siteAssets } from './web/assets.js'
import { wholePrefixOf } from './web/base-path.js'
import { createCsrf } from './web/csrf.js'
import { createLog } from './web/log.js'
import { createNotices } from './web/notices.js'
import { type PagesOptions, SitePages } from './web/page.js'
import { urlsUnder } from './web/routes.js'
import { cookiesOf, type OwnCookie } from './web/sealed-cookie.js'

export interface Assembled {
  gatehouse: Gatehouse
  keyring: Keyring
  features: readonly Feature[]
  dayCounts: DayCounts
}

type Part<Name extends keyof Gatehouse> = Pick<Gatehouse, Name>

export async function assemble(options: AccountsOptions): Promise<Assembled> {
  checkOptions(options)
  refuseConflicts(options)
  checkSwitches([...features, ...developmentFeatures], options.features ?? {})
  const core = coreOf(options)
  const { log, now, keyring, available } = core
  noteTemplates(options, log)
  const settings = settingsOf(options)
  const views = viewsOf(options, { ...core, ...settings })
  const languages = languageChoiceOf(views, options, (ctx, tag) => noteLanguage(ctx, gatehouse, tag))
  const secrets = secretsOf(options, core)
  const notices = createNotices({ cookie: secrets.noticeCookie, readerOf: sessionIdOf, now })
  const pages = new SitePages({
    ...{ languages, views: views.of, csrf: secrets.csrf, notices, url: core.url },
    shared: (ctx) => sharedOf(ctx, gatehouse),
    visitor: visitorOf(() => gatehouse),
    typed: typedOf,
  })
  // Opened last, so that nothing has to be closed if another option is wrong.
  const database = await openDatabase(options.database, {
    workers: options.workers ?? 1,
    onRetry: (error) => log.debug({ err: error }, 'retrying database transaction'),
  })
  const dayCounts = createDayCounts({ database, log, now })
  const gatehouse: Gatehouse = {
    ...core,
    ...settings,
    ...secrets,
    ...storesOf(options, { database, dayCounts }, core),
    pages,
    languageOf: languages.of,
    mailKinds: { ...KINDS, ...added.mails },
    countLogin(outcome) {
      dayCounts.login(outcome)
      options.metrics?.login(outcome)
    },
    render: (language, template, values) => views.of(language).renderMail(template, values),
  }
  return { gatehouse, keyring, features: available, dayCounts }
}

function sharedOf(ctx: Context, gatehouse: Gatehouse): object {
  const user = userOf(ctx)
  return {
    user,
    secondEndsAt: user && lostOf(gatehouse, user)?.endsAt,
    confirmationAt: user && upcomingConfirmationAt(gatehouse, user),
  }
}

interface Core extends Part<'url' | 'assets' | 'log' | 'outbox' | 'offers' | 'now'> {
  keyring: Keyring
  available: readonly Feature[]
  shown: readonly Feature[]
}

function coreOf(options: AccountsOptions): Core {
  const { development = false, features: switches } = options
  const url = urlsUnder(wholePrefixOf(options))
  const assets = siteAssets(url('assets'), { reload: development })
  const log = options.log ?? createLog('info')
  const now = options.now ?? Date.now
  const keyring = createKeyring(options.keys ?? keysBesideDatabase(options.database))
  const outbox = outboxOf(options, keyring, now)
  const { isOn, isCaught } = outbox
  const lost = isOn && options.factorRecovery !== 'off'
  const invitations = isOn && options.signup === 'invited'
  const has = { mail: isOn, lost, invitations, mailbox: isCaught && development, development }
  const available = offered([...features, ...developmentFeatures], has, switches)
  // A sign-up that is not open keeps its page, but no links to it.
  const isOpen = (options.signup ?? 'open') === 'open'
  const shown = available.filter(({ name }) => name !== 'signup' || isOpen)
  const names = new Set(shown.map(({ name }) => name))
  const offers = (name: string) => names.has(name)
  return { url, assets, log, now, keyring, outbox, available, shown, offers }
}

function outboxOf(options: AccountsOptions, keyring: Keyring, now: () => number): Outbox {
  const mail = mailOf(options)
  return createOutbox({ mode: typeof mail === 'object' ? 'sent' : mail, keyring, now })
}

type Secrets = Part<
  | ('csrf' | 'loginCookie' | 'halfLoginCookie' | 'deviceCookie')
  | ('cipher' | 'codes' | 'challenges' | 'appCipher' | 'nextToken' | 'pseudonym')
>

function secretsOf(options: AccountsOptions, { keyring, now }: Core): Secrets & { noticeCookie: OwnCookie } {
  const cookie = cookiesOf(cookieOptions(options), keyring)
  const login = loginCookie(cookie())
  return {
    csrf: createCsrf({
      cookie: cookie('csrf'),
      spare: keyring.ids.map((id) => cookie(`csrf-${id}`)),
      ofLogin: (ctx) => login.read(ctx)?.csrf,
    }),
    loginCookie: login,
    halfLoginCookie: cookie('half'),
    deviceCookie: cookie('device'),
    noticeCookie: cookie('notice'),
    cipher: createCipher(keyring.cipherKeys('brought back')),
    codes: createCodes(keyring.secrets('codes')),
    challenges: createChallenges(keyring.secrets('challenges'), now),
    appCipher: createCipher(keyring.cipherKeys(APP_SECRETS)),
    nextToken: createNextToken(keyring.secrets('renewed sessions')[0]),
    pseudonym: createPseudonym(keyring.secrets('log')[0]),
  }
}

function sessionIdOf(ctx: Context): string {
  return sessionOf(ctx)?.id ?? ''
}

function visitorOf(site: () => Gatehouse): PagesOptions['visitor'] {
  return {
    id: (ctx) => userOf(ctx)?.id ?? halfLoginOf(ctx, site())?.userId,
    name: async (ctx) => userOf(ctx)?.name ?? (await halfLoggedIn(ctx, site()))?.user.name,
  }
}

function storesOf(
  options: AccountsOptions,
  { database, dayCounts }: { database: Database; dayCounts: DayCounts },
  core: Core,
): Part<'database' | 'limits' | 'events' | 'passwords'> {
  const listen = listener(options)
  const onEvent: OnEvent = (event) => {
    dayCounts.event(event)
    return listen(event)
  }
  return {
    database,
    limits: limitsOf(options, database, core),
    events: createEvents({ database, log: core.log, onEvent }),
    passwords: createPasswords(options.passwordCosts, hashingLimits(options.workers ?? 1)),
  }
}

function limitsOf(
  { limits = {}, emails }: AccountsOptions,
  database: Database,
  { keyring, log, now }: Core,
): Limits {
  if (limits !== 'off') {
    return createLimits({
      database,
      rules: { ...LIMITS, ...added.limits, ...limits },
      messages: { ...added.limitMessages, ...(emails === 'none' && WITHOUT_EMAILS) },
      secrets: keyring.secrets('limits'),
      now,
    })
  }
  log.warn('rate limits are off (RATE_LIMITS): passwords can be guessed without limit')
  return UNLIMITED
}
