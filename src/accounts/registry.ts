import type { Logger } from 'pino'
import { DAY } from '../base/durations.js'
import type { Outbox } from '../mail/outbox.js'
import type { Cipher } from '../secrets/cipher.js'
import type { Codes } from '../secrets/code-mac.js'
import type { Passwords } from '../secrets/password.js'
import type { Pseudonym } from '../secrets/pseudonym.js'
import type { Database } from '../tables/schema.js'
import type { User } from '../tables/users.js'
import { SITE_NAME } from '../web/site.js'
import type { Events } from './events.js'
import type { PasswordRules } from './fields.js'
import type { Hooks } from './hooks.js'
import type { Lifetimes } from './lifetimes.js'
import type { Limits } from './limits.js'

export interface Registry {
  database: Database
  passwords: Passwords
  rules: Rules
  lifetimes: Lifetimes
  limits: Limits
  events: Events
  outbox: Outbox
  codes: Codes
  appCipher: Cipher
  hooks: Hooks
  log: Logger
  pseudonym: Pseudonym
  now: () => number
  offers: (name: string) => boolean
  countLogin: (outcome: LoginOutcome) => void
}

export interface Rules extends PasswordRules {
  signup: SignupMode
  /** `none`: accounts have no address, though some may have one from before. */
  emails: 'required' | 'none'
  confirmation: 'optional' | 'required'
  /** Milliseconds after sign-up before an address must be confirmed. */
  confirmationGrace: number
  privateEmails: boolean
  loginErrors: 'exact' | 'generic'
  second: SecondRule
  /** Milliseconds between asking to turn the second step off by email and its end. */
  lostWait: number
}

export type SignupMode = 'open' | 'invited' | 'closed'

export interface SecondRule {
  applies(user: User): boolean
  /** UTC milliseconds. Before that, users are only reminded. */
  from: number
}

export const LOST_WAIT = 3 * DAY

export const SECOND_OPTIONAL: SecondRule = { applies: () => false, from: 0 }

/** `second`: the second step follows. `wrong`: username or password. `limited`: not checked. `busy`, `unavailable`: a 503. */
export type LoginOutcome = (typeof LOGIN_OUTCOMES)[number]

export const LOGIN_OUTCOMES = [
  ...(['logged_in', 'second', 'unconfirmed', 'wrong', 'disabled', 'limited', 'busy'] as const),
  ...(['unavailable', 'failed'] as const),
] as const

export function siteWordsOf({ siteName = SITE_NAME, baseUrl }: SiteNames): string[] {
  return [siteName, ...(baseUrl === undefined ? [] : [new URL(baseUrl).hostname])]
}

interface SiteNames {
  siteName?: string
  baseUrl?: string | undefined
}
