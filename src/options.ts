import type { Context } from 'koa'
import type { Logger } from 'pino'
import type { OnEvent } from './accounts/events.js'
import type { Hooks } from './accounts/hooks.js'
import { checkSignupFields, refuseFormerHooks } from './accounts/hooks.js'
import type { Lifetimes } from './accounts/lifetimes.js'
import { LIMITS, type LimitRules } from './accounts/limit-rules.js'
import { type DatabaseLocation, locate } from './database/locate.js'
import { added } from './features/index.js'
import { isSender, isSmtpUrl, type MailServer } from './mail/smtp.js'
import type { Transport } from './mail/transport.js'
import type { PasswordCosts } from './secrets/password.js'
import { type Config, readConfig as readSettings } from './server/config.js'
import { isOrigin } from './server/environment.js'
import { isObject, limitsRule, RULES, sentenceOf, someOf } from './server/option-rules.js'
import type { Metrics } from './server/prometheus.js'
import type { Switches } from './visitor/feature.js'
import type { Places } from './web/site.js'

export interface AccountsOptions {
  /**
   * Where the accounts are kept: `sqlite:<path>`, made if need be, or `postgres://…`; or a handle of your own, `{ sqlite }`
   * of better-sqlite3 or `{ postgres, schema? }`, a pool of pg, of which we learn the file or the server. Our tables are
   * made, and brought up to date; a table of yours with the name of one of them stops the start. Has to be given.
   */
  database: DatabaseLocation
  /**
   * Secrets that seal what browsers carry for us beside the session: 32 random bytes each as base64url (43 characters),
   * newest first. By default one that is made once and kept beside a SQLite database, in `<its file>.key`, readable by its
   * owner alone; with PostgreSQL, whose nodes need the same keys, they have to be given.
   */
  keys?: readonly string[]
  /** Where our pages lie: '' (default) for `/login/`, '/members' for `/members/login/`. */
  prefix?: string
  /** The address people see, without a path: `https://example.com`. By default the Host header says what is same-origin. */
  baseUrl?: string | undefined
  /**
   * What our cookies are called: `gatehouse` by default, and `gatehouse-csrf` and so on. Browsers tell no ports apart: sites on
   * one host need a name each. At most 40 letters, digits, `-` and `_`; `__Host-` is added where `baseUrl` is https.
   */
  cookieName?: string
  /** What pages call the site; 'Gatehouse' by default. */
  siteName?: string
  /** Whether pages are light or dark; `auto` (default) as the visitor's system says. */
  theme?: Theme
  /** Where visitors arrive, as paths of the site: `home` is `/` by default, `afterSignup` and the others are `home`. */
  places?: Partial<Places>
  /** Folders with templates of your own, the first counts most: one named like one of ours takes its place. None by default. */
  templates?: readonly string[]
  /**
   * Sentences of your own by stable code, for all languages or for each: `{ username_taken: 'Somebody was faster.',
   * email_taken: { en: '…', ru: '…' } }`. None by default; in a language that is not named ours stays.
   */
  messages?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  /**
   * The languages that visitors can choose from, by their tags, the first for who understands none of them; by default
   * English and all others that there are, ours and the `languages/<tag>.json` in your folders of templates.
   */
  languages?: readonly string[]
  /**
   * Decides instead of visitors, who then see no switch: always `ru`, or what the function answers for a request; where it
   * answers undefined, or a language that is not there, what the browser asks for. By default visitors choose.
   */
  language?: string | ((ctx: Context) => string | undefined)
  /**
   * The server that takes mails, and who writes them; or a way of your own to send them, `{ send(mail) }`, see `Transport`.
   * `caught` keeps them, for the maintainer to see at `/dev/mailbox/` in development; `off` offers nothing that needs mails.
   * By default `caught` in development, else `off` with a warning. Links in mails begin with `baseUrl`.
   */
  mail?: MailServer | Transport | 'caught' | 'off'
  /** Whether an address has to be confirmed before the first login; `optional` by default. */
  emailConfirmation?: 'optional' | 'required'
  /** Whether nobody can find out by us who has an account, by e-mail; needs `required` confirmation. False by default. */
  privateEmails?: boolean
  /**
   * Whether a security email tells the owner when a session is used from another network and by another browser at once, as
   * with a copied cookie; it goes to confirmed addresses. False by default.
   */
  jumpMail?: boolean
  /**
   * A password has at least so many characters (code points), 6 to 128; 8 by default. NIST 800-63B-4 asks for 15, or for 8
   * beside a second factor.
   */
  passwordMinLength?: number
  /** Argon2id's costs; 19456 KiB, 2 passes, 1 lane by default. Hashes of other costs are renewed at login. */
  passwordCosts?: PasswordCosts
  /**
   * How many processes of this site share the machine, and so its cores for hashing passwords, and the 24 connections to
   * a PostgreSQL server; 1 by default.
   */
  workers?: number
  /**
   * How long sessions and what else lasts, in milliseconds. By default a session a day after its last use, a kept one 30
   * days, and every one 90 days after its login; a login is recent for 10 minutes, the database is asked every time, an
   * account's history is kept for 365 days.
   */
  lifetimes?: Partial<Lifetimes>
  /**
   * How often what may be done, each `{ max, window }` with the window in milliseconds; or `off` for load tests. Those
   * that are not given are as in the README.
   */
  limits?: Partial<LimitRules> | 'off'
  /** Features that are switched off, by name: `{ 'account/close': false }`. All are on by default. */
  features?: Switches
  /** What a host does at sign-ups, logins and changes; see `Hooks`. */
  hooks?: Hooks
  /**
   * Fields of your own on the sign-up form, by name; none by default. Their inputs stand in your `signup/fields.html`, their
   * rules in the hook `beforeSignup`, and `duringSignup` stores them.
   */
  signupFields?: readonly string[]
  /** Told of every event of an account's history after it was stored: sign-ups, logins, failed ones. Nobody by default. */
  onEvent?: OnEvent
  /** Counts logins, sessions, mails and the like for Prometheus: what `createMetrics()` has made. Nothing by default. */
  metrics?: Metrics | undefined
  /** The browser's address, IPv4 or IPv6; Koa's `ctx.ip` by default, which knows about proxies if `app.proxy` is set. */
  address?: (ctx: Context) => string
  /** Whether our own answers bring the security headers; true by default. */
  headers?: boolean
  /** Whether the frame compresses our pages, by brotli or gzip; true by default. False where a proxy does it. */
  compression?: boolean
  /**
   * Error pages show what went wrong, templates are read anew for every page, and there are pages under `/dev/` for a browser
   * on the same machine; false by default.
   */
  development?: boolean
  /** Where to log; a new log of level 'info' by default. */
  log?: Logger
  /** The clock, in UTC milliseconds; `Date.now` by default, others are for tests. */
  now?: () => number
}

export type Theme = 'auto' | 'light' | 'dark'

// So written that the compiler misses a new one.
const RULES_OF_OPTIONS = RULES satisfies Record<keyof AccountsOptions, unknown>
const ALL_LIMITS = { ...LIMITS, ...added.limits }
const SCHEMA = someOf({ ...RULES_OF_OPTIONS, limits: limitsRule(ALL_LIMITS) })

/** Reads the environment. Throws `ConfigError` with all mistakes at once; variables it does not know are let be. */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  return readSettings(variables, ALL_LIMITS)
}

/** Throws a sentence if an option is wrong by itself, or beside another one. */
export function checkOptions(options: AccountsOptions): void {
  if (!isObject(options)) throw new Error('The options have to be given: accounts({ database: … }).')
  locate(options.database)
  refuseFormerHooks(Object.keys(options.hooks ?? {}))
  const [mistake] = SCHEMA.safeParse(options).error?.issues ?? []
  if (mistake !== undefined) throw new Error(sentenceOf(mistake))
  refuseContradictions(options)
}

function refuseContradictions(options: AccountsOptions): void {
  const { prefix = '', baseUrl = 'http://localhost', emailConfirmation, privateEmails } = options
  const mail = mailOf(options)
  checkSignupFields(options.signupFields ?? [])
  if (emailConfirmation === 'required' && options.features?.['email/confirm'] === false) {
    throw new Error('Where emailConfirmation is required the feature email/confirm cannot be switched off.')
  }
  if (!/^(?:\/[\w-]+)*$/.test(prefix)) throw new Error(`The prefix has to be like /members, not ${prefix}.`)
  if (!isOrigin(baseUrl)) {
    throw new Error(
      `The baseUrl has to be like https://example.com, not ${baseUrl}. A path is the option prefix; a proxy must not take it off.`,
    )
  }
  if (typeof mail === 'object' && options.baseUrl === undefined) {
    throw new Error('The baseUrl has to be given where mails are sent: their links begin with it.')
  }
  const server = typeof mail === 'object' && 'url' in mail ? mail : undefined
  if (server && !isSmtpUrl(server.url)) {
    // Not repeated: there may be a password in it.
    throw new Error(
      'The mail.url has to be like smtp://mail.example.com or smtps://user:password@mail.example.com.',
    )
  }
  if (server && !isSender(server.from)) {
    throw new Error('The mail.from has to be an address, like no-reply@example.com.')
  }
  if (emailConfirmation === 'required' && mail === 'off') {
    throw new Error('Without mail no address can be confirmed: emailConfirmation cannot be required.')
  }
  if (privateEmails && emailConfirmation !== 'required') {
    throw new Error('With privateEmails the emailConfirmation has to be required.')
  }
}

/** What is done with mails, where the host has not said it. */
export function mailOf({ mail, development }: AccountsOptions): MailServer | Transport | 'caught' | 'off' {
  return mail ?? (development ? 'caught' : 'off')
}
