import { DAY, HOUR, MINUTE, parseDuration } from '../base/durations.js'

/** At most `max` in `window` milliseconds from the first. */
export interface Limit {
  max: number
  window: number
}

export interface LimitRules {
  /** Failed password checks for one name from one network. */
  loginName: Limit
  /** Failed password checks for one name from all networks, and for one account by all its names. */
  loginAccount: Limit
  loginNetwork: Limit
  /** Failed password checks in a row for one name, one account or one known device (NIST 800-63B-4 3.2.2). */
  loginRow: Limit
  /** Failed password checks on a known device, which the limits for other devices do not block. */
  loginDevice: Limit
  signupNetwork: Limit
  /** Emails of one kind to one address or username. */
  mailAddress: Limit
  mailAccount: Limit
  /** Notices of failed password checks to one account. */
  mailFailures: Limit
  mailNetwork: Limit
  /** Emails of one kind to one account; the window is the minimum time between two. */
  mailPause: Limit
  /** Attempts at the emailed codes of one account for one purpose. */
  codeAccount: Limit
  codeNetwork: Limit
  codeSite: Limit
  /** Wrong codes of the second step for one account, after a right password. */
  secondAccount: Limit
  /** Wrong codes of the second step from one network, after right passwords. */
  secondNetwork: Limit
  /** Wrong codes of the second step on a device on which one was passed before. */
  secondDevice: Limit
  /** Wrong app codes in a row for one account or such device (NIST 800-63B-4 3.2.2). Recovery codes still work. */
  secondRow: Limit
  /** Wrong codes for one account, after which the owner gets an email; the window is the minimum time between two. */
  secondNotice: Limit
  secondChange: Limit
  /** Emails to one account with a link to turn two-step verification off. */
  secondLost: Limit
  passkeyChange: Limit
  /** Username changes of one account; each previous name stays reserved for it. */
  renameAccount: Limit
  /** Hint requests from one network. Above the limit no hints are returned. */
  hintNetwork: Limit
  /** Forms from one network that show whether a username or email address is in use. */
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
  // 25 windows a day with 35 guesses at 10^8 codes: a chance of 8.75 in a million a day to open any account
  // (ASVS 5 6.6.3; test/accounts/code-limits.test.ts).
  codeSite: { max: 35, window: HOUR },
  secondAccount: { max: 10, window: 15 * MINUTE },
  secondNetwork: { max: 50, window: HOUR },
  secondDevice: { max: 20, window: 15 * MINUTE },
  secondRow: { max: 100, window: 30 * DAY },
  secondNotice: { max: 3, window: DAY },
  secondChange: { max: 5, window: HOUR },
  secondLost: { max: 3, window: 7 * DAY },
  passkeyChange: { max: 10, window: HOUR },
  renameAccount: { max: 5, window: DAY },
  hintNetwork: { max: 600, window: 10 * MINUTE },
  takenNetwork: { max: 300, window: HOUR },
}

// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureLimits {}

export type LimitName = keyof LimitRules | keyof FeatureLimits

export function parseLimit(text: string): Limit | undefined {
  const [, count = '', duration = ''] = /^([1-9]\d{0,8})\/(.+)$/.exec(text.trim()) ?? []
  const window = parseDuration(duration)
  return window === undefined ? undefined : { max: Number(count), window }
}
