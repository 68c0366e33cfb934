import type { Logger } from 'pino'
import type { Outbox } from '../mail/outbox.js'
import type { Codes } from '../secrets/code-mac.js'
import type { Passwords } from '../secrets/password.js'
import type { Pseudonym } from '../secrets/pseudonym.js'
import type { Database } from '../tables/schema.js'
import { SITE_NAME } from '../web/site.js'
import type { Events } from './events.js'
import type { PasswordRules } from './fields.js'
import type { Hooks } from './hooks.js'
import type { Lifetimes } from './lifetimes.js'
import type { Limits } from './limits.js'

/** What the verbs of accounts work with, made once at start. */
export interface Registry {
  database: Database
  passwords: Passwords
  rules: Rules
  lifetimes: Lifetimes
  limits: Limits
  events: Events
  outbox: Outbox
  codes: Codes
  hooks: Hooks
  log: Logger
  pseudonym: Pseudonym
  /** UTC milliseconds. */
  now: () => number
  /** Whether this site has the feature of this name. */
  offers: (name: string) => boolean
  /** Counts what became of a login, for whoever watches the site. */
  countLogin: (outcome: LoginOutcome) => void
}

export interface Rules extends PasswordRules {
  /** Whether the address has to be confirmed before the first login. */
  confirmation: 'optional' | 'required'
  /** Whether no answer may tell whose address somebody's is. */
  privateEmails: boolean
}

/** What became of somebody who tried to log in with a password. */
export type LoginOutcome = (typeof LOGIN_OUTCOMES)[number]

/** `wrong` are name or password, `limited` was not looked at, `busy` and `unavailable` are 503. */
export const LOGIN_OUTCOMES = [
  ...(['logged_in', 'unconfirmed', 'wrong', 'disabled', 'limited', 'busy'] as const),
  ...(['unavailable', 'failed'] as const),
] as const

/** What everybody who knows the site tries first as a password: its name, and its host where that is fixed. */
export function siteWordsOf({ siteName = SITE_NAME, baseUrl }: SiteNames): string[] {
  return [siteName, ...(baseUrl === undefined ? [] : [new URL(baseUrl).hostname])]
}

interface SiteNames {
  siteName?: string
  baseUrl?: string | undefined
}
