import type { Context } from 'koa'
import type { Logger } from 'pino'
import type { OnEvent } from './accounts/events.js'
import type { Hooks } from './accounts/hooks.js'
import { refuseFormerHooks } from './accounts/hooks.js'
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
   * `sqlite:<path>` (created if missing), `postgres://…`, or your own handle, used only to find the database.
   * Its tables are created and migrated. Throws if a table of yours has the name of one. Required.
   */
  database: DatabaseLocation
  /**
   * Encryption keys, newest first: 32 random bytes each as base64url. By default one is created next to the
   * SQLite file, in `<file>.key`, readable by its owner only. Required with PostgreSQL.
   */
  keys?: readonly string[]
  /** Path prefix of all pages: '' (default) for `/login/`, '/members' for `/members/login/`. */
  prefix?: string
  /**
   * Public URL: `https://example.com`. With a path, such as `https://example.com/members`, the proxy in front takes that path off, and
   * all links begin with it. By default the Host header decides the origin.
   */
  baseUrl?: string | undefined
  /**
   * A parent domain of the host of `baseUrl`, to share passkeys with its other sites: `example.com`. By default that host. Passkeys
   * created for another domain no longer work.
   */
  passkeyDomain?: string | undefined
  /**
   * Other addresses of the same site, where its passkeys work, too: `['https://example.de']`. Each is trusted like `baseUrl`.
   * Published at `/.well-known/webauthn`. None by default.
   */
  passkeyOrigins?: readonly string[]
  /** Cookie name prefix, 1 to 40 of A-Z a-z 0-9 - _; `gatehouse` by default. Each port needs its own. */
  cookieName?: string
  /**
   * Path of the cookies: browsers send them to it and to everything below, so your guarded pages must be there, too. `/` by
   * default, which allows the name prefix `__Host-` over https; with another it is `__Secure-`.
   */
  cookiePath?: string
  /** Site name on pages and in emails; 'Gatehouse' by default. */
  siteName?: string
  /** `auto` (default) follows the visitor's system. */
  theme?: Theme
  /** Color of the browser's bars, such as `#7a1fa2`. By default the browser chooses. */
  themeColor?: string
  /** Paths where visitors arrive. `home` is `/` by default, the others equal `home`. */
  places?: Partial<Places>
  /** Folders with your templates. The first match wins, before the built-in one. None by default. */
  templates?: readonly string[]
  /** Your texts by code: `{ username_taken: '…', email_taken: { en: '…', ru: '…' } }`; none by default. */
  messages?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  /** Language tags, the fallback first. By default English, then all others built in or in `templates`. */
  languages?: readonly string[]
  /** Fixed language, without a switch; undefined uses Accept-Language. By default visitors choose. */
  language?: string | ((ctx: Context) => string | undefined)
  /**
   * SMTP server and sender, or your own `Transport`. `caught` stores emails without sending them. Default:
   * `caught` in development, otherwise `off`, which disables features that need email.
   */
  mail?: MailServer | Transport | 'caught' | 'off'
  /** Whether an email address must be confirmed before the first login; `optional` by default. */
  emailConfirmation?: 'optional' | 'required'
  /**
   * How long after sign-up users may log in before `required` confirmation, in milliseconds; 0 by default. Not with `privateEmails`.
   * Their accounts are not deleted if they never confirm, as they are without it.
   */
  confirmationGrace?: number
  /**
   * Who may sign up; `open` by default. `invited`: those who got a link from `gatehouse users invite` or
   * `accounts.invite`. `closed`: accounts come from your code and the commands.
   */
  signup?: 'open' | 'invited' | 'closed'
  /**
   * After what users are logged in without the login form: `['signup', 'confirmation', 'reset']`; with two-step verification
   * the code follows. After a confirmation only where the password was entered, too, at sign-up in the last hour or beside the
   * link. None by default, as OWASP advises for a reset (Forgot Password Cheat Sheet).
   */
  loginAfter?: readonly LoginAfter[]
  /**
   * `made`: sign-up asks for no username and makes one up, such as `user-7kf3m9xq2`, which the user can change. People log in with
   * the email address. Not with `privateEmails`. `chosen` by default.
   */
  usernames?: 'chosen' | 'made'
  /** `generic`: a failed login does not say whether the username is unknown or the password wrong. `exact` by default. */
  loginErrors?: 'exact' | 'generic'
  /** Hides which email addresses have accounts; needs `required` confirmation. False by default. */
  privateEmails?: boolean
  /** Emails the owner if a session changes both network and browser at once; false by default. */
  jumpMail?: boolean
  /**
   * Who needs two-step verification: nobody (`optional`, the default), users with the role `admin`, everyone, or those for
   * whom your function returns true. `requireUser` leads them to its set-up.
   */
  secondStep?: 'optional' | 'admins' | 'required' | ((user: User) => boolean)
  /** From when they need it; until then they are reminded at each login. By default at once. */
  secondStepFrom?: Date | undefined
  /**
   * A step of yours at the end of each login, such as new terms to accept: returns the path of its page, or undefined
   * if the user needs none. The user is logged in by then, but `requireUser` leads there, with `next`, until it returns undefined.
   * Called for each guarded request. None by default.
   */
  loginStep?: LoginStep
  /**
   * How long users who lost the authenticator app and the recovery codes wait until an email turns two-step
   * verification off, in milliseconds, 1 to 30 days; 3 days by default. `off`: only an operator can help.
   */
  factorRecovery?: number | 'off'
  /** Minimum in code points, 6 to 128; 8 by default. NIST 800-63B-4: 15, or 8 with a second factor. */
  passwordMinLength?: number
  /** Least strength by zxcvbn, 0 (default) to 4. 3 resists attacks on a stolen slow hash. */
  passwordMinScore?: number
  /** Argon2id; by default 19456 KiB, 2 passes, 1 lane. A login rehashes passwords with other costs. */
  passwordCosts?: PasswordCosts
  /** Processes on this machine, which share its cores and 24 PostgreSQL connections; 1 by default. */
  workers?: number
  /**
   * In milliseconds. By default sessions end a day after the last use (kept: 30 days) and 90 days after
   * login. Logins are recent for 10 minutes, and activity is kept for 365 days.
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
  /** Called after an account's event was stored: sign-ups, logins, failed logins. None by default. */
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
  /** By default a new log of level 'info'. */
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
  refuseFormerHooks(Object(options.hooks))
  const [mistake] = SCHEMA.safeParse(options).error?.issues ?? []
  if (mistake !== undefined) throw new Error(sentenceOf(mistake))
}

export function mailOf({ mail, development }: AccountsOptions): MailServer | Transport | 'caught' | 'off' {
  return mail ?? (development ? 'caught' : 'off')
}
