import { DAY, HOUR, MINUTE, parseDuration } from '../base/durations.js'

/** At most `max` times in `window` milliseconds, which begin with the first. */
export interface Limit {
  max: number
  window: number
}

/** How often what may be done. */
export interface LimitRules {
  /** Failed password checks for one name from one network. */
  loginName: Limit
  /** Failed password checks for one name from everywhere, and for one account by all its names. */
  loginAccount: Limit
  /** Failed password checks from one network. */
  loginNetwork: Limit
  /** Failed password checks in a row for one name, for one account by all its names, and on each known device (NIST 800-63B-4 3.2.2). */
  loginRow: Limit
  /** Failed password checks on a device that has logged in to the account before; it is not held by what others do. */
  loginDevice: Limit
  /** New accounts from one network. */
  signupNetwork: Limit
  /** Mails of one kind to one address, or to who has one name. */
  mailAddress: Limit
  /** Mails of one kind about one account. */
  mailAccount: Limit
  /** Notices of failed password checks to one account. */
  mailFailures: Limit
  /** Mails that are asked for from one network. */
  mailNetwork: Limit
  /** The same mail to the same account again. */
  mailPause: Limit
  /** Tries at the mailed codes of one account for one purpose, over all its codes. */
  codeAccount: Limit
  /** Wrong codes from one network. */
  codeNetwork: Limit
  /** Wrong codes for all accounts together. */
  codeSite: Limit
  /** Other names that an account takes: each former one is held for it. */
  renameAccount: Limit
  /** Looks at what is being typed into a form, to help with it, from one network; beyond them there is no help. */
  adviceNetwork: Limit
  /** Forms from one network that are told whether a name or an address is in use. */
  takenNetwork: Limit
}

export const LIMITS: LimitRules = {
  loginName: { max: 5, window: 5 * MINUTE },
  loginAccount: { max: 50, window: HOUR },
  loginNetwork: { max: 100, window: HOUR },
  loginRow: { max: 100, window: 30 * DAY },
  loginDevice: { max: 20, window: 15 * MINUTE },
  signupNetwork: { max: 20, window: HOUR },
  mailAddress: { max: 5, window: HOUR },
  mailAccount: { max: 5, window: HOUR },
  mailFailures: { max: 1, window: DAY },
  mailNetwork: { max: 100, window: HOUR },
  mailPause: { max: 1, window: MINUTE },
  codeAccount: { max: 10, window: DAY },
  codeNetwork: { max: 20, window: HOUR },
  // A day touches 25 such windows: 25 x 35 wrong codes of 10^8 possible ones take any account at all with a chance of 8.75
  // in a million a day, from however many networks (ASVS 5 6.6.3; test/accounts/code-limits.test.ts).
  codeSite: { max: 35, window: HOUR },
  renameAccount: { max: 5, window: DAY },
  adviceNetwork: { max: 600, window: 10 * MINUTE },
  takenNetwork: { max: 300, window: HOUR },
}

/** Limits that features add, each for itself: `declare module '…/accounts/limit-rules.js' { interface FeatureLimits { … } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureLimits {}

export type LimitName = keyof LimitRules | keyof FeatureLimits

/** Reads a limit as settings say it: `5/5m`. Undefined for anything else. */
export function parseLimit(text: string): Limit | undefined {
  const [, count = '', duration = ''] = /^([1-9]\d{0,8})\/(.+)$/.exec(text.trim()) ?? []
  const window = parseDuration(duration)
  return window === undefined ? undefined : { max: Number(count), window }
}
