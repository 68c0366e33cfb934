import type { Context } from 'koa'
import type { Logger } from 'pino'
import type { OnEvent } from './accounts/events.js'
import type { Hooks } from './accounts/hooks.js'
import { refuseRemovedHooks } from './accounts/hooks.js'
import type { Lifetimes } from './accounts/lifetimes.js'
import { LIMITS, type LimitRules } from './accounts/limit-rules.js'
import type { LoginAfter } from './accounts/login-methods.js'
import { locate } from './database/locate.js'
import type { DatabaseLocation } from './database/location.js'
import { added } from './features/index.js'
import type { MailServer } from './mail/smtp.js'
import type { Transport } from './mail/transport.js'
import type { PasswordCosts } from './secrets/password.js'
import { type Config, readConfig as readSettings } from './server/config.js'
import { isObject, limitsRule, RULES, sentenceOf, someOf } from './server/option-rules.js'
import type { Metrics } from './server/prometheus.js'
import type { User } from './tables/users.js'
import type { Switches } from './visitor/feature.js'
import type { LoginStep } from './visitor/gatehouse.js'
import type { Places } from './web/site.js'

export interface AccountsOptions {
  /**
   * `sqlite:<path>` (created if missing), `postgres://…`, or your own handle, used only to find the database. Gatehouse creates and
   * migrates its tables. Throws if your app has a table with the name of one of them. Required.
   */
  database: DatabaseLocation
  /**
   * Encryption keys, newest first: 32 random bytes each as base64url. By default one is created next to the SQLite file, in
   * `<file>.key`, readable by its owner only. Required with PostgreSQL.
   */
  keys?: readonly string[]
  /** Path prefix of all pages: '' (default) for `/login/`, '/members' for `/members/login/`. */
  prefix?: string
  /**
   * Public URL: `https://example.com`. A path, as in `https://example.com/members`, is one that the proxy in front strips. All links
   * begin with it. By default the Host header decides the origin.
   */
  baseUrl?: string | undefined
  /**
   * A parent domain of the host of `baseUrl`, to share passkeys with its other sites: `example.com`. By default that host. Passkeys
   * created for another domain stop working.
   */
  passkeyDomain?: string | undefined
  /**
   * Other addresses of the same site, where its passkeys work, too: `['https://example.de']`. They are trusted like `baseUrl` and
   * published at `/.well-known/webauthn`. None by default.
   */
  passkeyOrigins?: readonly string[]
  /** Cookie name prefix, 1 to 40 of A-Z a-z 0-9 - _; `gatehouse` by default. Each port needs its own. */
  cookieName?: string
  /**
   * Path of the cookies, `/` by default. Browsers send them only there and below, so your guarded pages must be there, too. Over https
   * the name prefix is `__Host-` with `/`, and `__Secure-` with another path.
   */
  cookiePath?: string
  /** Site name on pages and in emails; 'Gatehouse' by default. */
  siteName?: string
  /** `auto` (default) follows the visitor's system. */
  theme?: Theme
  /** Color of the browser's toolbars, such as `#7a1fa2`. By default the browser chooses. */
  themeColor?: string
  /** Paths to which visitors are redirected. `home` is `/` by default, and the others are `home`. */
  places?: Partial<Places>
  /** Folders with your templates, searched in this order and before the built-in ones. None by default. */
  templates?: readonly string[]
  /** Your messages by code: `{ username_taken: '…', email_taken: { en: '…', ru: '…' } }`; none by default. */
  messages?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  /** Language tags, the fallback first. By default English, then all others built in or in `templates`. */
  languages?: readonly string[]
  /** A fixed language, or a function that returns one or undefined, for that of Accept-Language. By default visitors choose. */
  language?: string | ((ctx: Context) => string | undefined)
  /**
   * SMTP server and sender, or your own `Transport`. `caught` stores emails without sending them. `off` disables features that need
   * email. `caught` by default in development, otherwise `off`.
   */
  mail?: MailServer | Transport | 'caught' | 'off'
  /** Whether an email address must be confirmed before the first login; `optional` by default. */
  emailConfirmation?: 'optional' | 'required'
  /**
   * How long after sign-up users may log in without the `required` confirmation, in milliseconds; 0 by default. With it, accounts that
   * are never confirmed are not deleted. Not with `privateEmails`.
   */
  confirmationGrace?: number
  /**
   * Who may sign up; everyone (`open`) by default. `invited`: those who got a link from `gatehouse users invite` or `accounts.invite`.
   * `closed`: only your code and the commands create accounts.
   */
  signup?: 'open' | 'invited' | 'closed'
  /**
   * Events after which users are logged in without the login form: `['signup', 'confirmation', 'reset']`. Two-step verification is
   * still asked for. `confirmation` needs the password, too, entered on the page of the link or at sign-up in the last hour. None
   * by default, as OWASP advises for a reset (Forgot Password Cheat Sheet).
   */
  loginAfter?: readonly LoginAfter[]
  /**
   * `made`: sign-up makes up a username, such as `user-7kf3m9xq2`, which the user can change. Users log in with the email address.
   * Not with `privateEmails`. `chosen` by default.
   */
  usernames?: 'chosen' | 'made'
  /**
   * `none`: accounts have no email address. Sign-up asks for a username and a password, no email is ever sent, and an operator resets
   * forgotten passwords. Existing addresses are kept. `required` by default.
   */
  emails?: 'required' | 'none'
  /** `generic`: a failed login does not say whether the username is unknown or the password wrong. `exact` by default. */
  loginErrors?: 'exact' | 'generic'
  /** Hides which email addresses have accounts; needs `required` confirmation. False by default. */
  privateEmails?: boolean
  /** Emails the owner if a session is suddenly used from another network and by another browser; false by default. */
  jumpMail?: boolean
  /**
   * Who needs two-step verification: nobody (`optional`, the default), users with the role `admin`, everyone, or those for whom your
   * function returns true. `requireUser` makes them set it up.
   */
  secondStep?: 'optional' | 'admins' | 'required' | ((user: User) => boolean)
  /** From when they need it. Until then a notice at each login reminds them. By default immediately. */
  secondStepFrom?: Date | undefined
  /**
   * A step of your app after each login, such as new terms to accept. Returns the path of its page, or undefined if the user needs
   * none. The user is already logged in, but `requireUser` redirects there, with `next`, until it returns undefined. Called for each
   * guarded request. None by default.
   */
  loginStep?: LoginStep
  /**
   * How long users who lost the authenticator app and the recovery codes have to wait until they can turn off two-step verification by
   * email, in milliseconds, 1 to 30 days; 3 days by default. `off`: only an operator can help.
   */
  factorRecovery?: number | 'off'
  /** Minimum length in code points, 6 to 128; 8 by default. NIST 800-63B-4: 15, or 8 with a second factor. */
  passwordMinLength?: number
  /** Minimum strength by zxcvbn, 0 (default) to 4. 3 resists attacks on a stolen slow hash. */
  passwordMinScore?: number
  /** Costs of Argon2id; by default 19456 KiB, 2 passes, 1 lane. A login rehashes passwords that have other costs. */
  passwordCosts?: PasswordCosts
  /** Processes on this machine, which share its cores and 24 PostgreSQL connections; 1 by default. */
  workers?: number
  /**
   * In milliseconds. By default sessions end one day after the last use, or 30 days with "Keep me logged in", and 90 days after login.
   * Logins are recent for 10 minutes, and activity is kept for 365 days.
   */
  lifetimes?: Partial<Lifetimes>
  /** `{ max, window }`, `window` in milliseconds, or `off` for load tests. Defaults: docs/configuration.md. */
  limits?: Partial<LimitRules> | 'off'
  /** Features to switch off, by name: `{ 'account/close': false }`. All are on by default. */
  features?: Switches
  /** Your code at sign-ups, logins and changes; see `Hooks`. None by default. */
  hooks?: Hooks
  /** Sign-up fields of your `signup/fields.html`, passed to the sign-up hooks; none by default. */
  signupFields?: readonly string[]
  /** Called after an event of an account was stored, such as a sign-up, a login or a failed login, at most once. None by default. */
  onEvent?: OnEvent
  /** Prometheus metrics from `createMetrics()`; none by default. */
  metrics?: Metrics | undefined
  /** Returns the browser's IPv4 or IPv6 address; by default `ctx.ip`, which respects `app.proxy`. */
  address?: (ctx: Context) => string
  /** Whether responses carry the security headers; true by default. */
  headers?: boolean
  /** Whether `frame` compresses pages with brotli or gzip; true by default. False if a proxy does. */
  compression?: boolean
  /** Shows error details, reloads templates, and serves `/dev/` to this machine. False by default. */
  development?: boolean
  /** A new log of level 'info' by default. */
  log?: Logger
  /** Current time in UTC milliseconds; `Date.now` by default. For tests. */
  now?: () => number
}

export type Theme = 'auto' | 'light' | 'dark'

const RULES_OF_OPTIONS = RULES satisfies Record<keyof AccountsOptions, unknown>
const ALL_LIMITS = { ...LIMITS, ...added.limits }
const SCHEMA = someOf({ ...RULES_OF_OPTIONS, limits: limitsRule(ALL_LIMITS) })

/** Reads settings from the environment. Throws `ConfigError` with all mistakes; ignores other names. */
export function readConfig(variables: NodeJS.ProcessEnv): Config {
  return readSettings(variables, ALL_LIMITS)
}

export function checkOptions(options: AccountsOptions): void {
  if (!isObject(options)) throw new Error('Options are missing. Call accounts({ database: … }).')
  locate(options.database)
  refuseRemovedHooks(Object(options.hooks))
  const [mistake] = SCHEMA.safeParse(options).error?.issues ?? []
  if (mistake !== undefined) throw new Error(sentenceOf(mistake))
}

export function mailOf({
  mail,
  emails,
  development,
}: AccountsOptions): MailServer | Transport | 'caught' | 'off' {
  if (emails === 'none') return 'off'
  return mail ?? (development ? 'caught' : 'off')
}
