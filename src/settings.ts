import { LIFETIMES } from './accounts/lifetimes.js'
import type { SecondRule } from './accounts/registry.js'
import { LOST_WAIT, siteWordsOf } from './accounts/registry.js'
import { ADMIN } from './accounts/roles.js'
import type { AccountsOptions } from './options.js'
import type { Gatehouse } from './visitor/gatehouse.js'
import { partyOf } from './visitor/passkeys.js'
import { basePathOf } from './web/base-path.js'
import { addressReader } from './web/network.js'
import { COOKIE_NAME, type CookieOptions } from './web/sealed-cookie.js'
import { type Places, SITE_NAME } from './web/site.js'

// NIST 800-63B-4: at least 8 with a second factor, 15 without.
const PASSWORD_MIN_LENGTH = 8

export type Settings = Pick<
  Gatehouse,
  | 'places'
  | 'loginStep'
  | 'asksUsername'
  | 'loginAfter'
  | 'rules'
  | 'jumpMail'
  | 'lifetimes'
  | 'origin'
  | 'passkeys'
  | 'hooks'
  | 'siteName'
  | 'signupFields'
  | 'address'
>

export function settingsOf(options: AccountsOptions): Settings {
  const { siteName = SITE_NAME, passwordMinLength = PASSWORD_MIN_LENGTH } = options
  return {
    places: placesOf(options),
    rules: {
      passwordMinLength,
      siteWords: siteWordsOf(options),
      signup: options.signup ?? 'open',
      emails: options.emails ?? 'required',
      confirmation: options.emailConfirmation ?? 'optional',
      confirmationGrace: options.confirmationGrace ?? 0,
      privateEmails: options.privateEmails ?? false,
      loginErrors: options.loginErrors ?? 'exact',
      passwordMinScore: options.passwordMinScore ?? 0,
      second: secondRuleOf(options),
      lostWait: typeof options.factorRecovery === 'number' ? options.factorRecovery : LOST_WAIT,
    },
    jumpMail: options.jumpMail ?? false,
    lifetimes: { ...LIFETIMES, ...options.lifetimes },
    origin: originOf(options),
    passkeys: passkeysOf(options),
    hooks: options.hooks ?? {},
    siteName,
    loginStep: options.loginStep ?? (() => undefined),
    loginAfter: options.loginAfter ?? [],
    asksUsername: options.usernames !== 'made',
    signupFields: options.signupFields ?? [],
    address: addressReader(options.address ?? ((ctx) => ctx.ip)),
  }
}

function passkeysOf(options: AccountsOptions): Settings['passkeys'] {
  const { passkeyDomain: domain, passkeyOrigins = [], development = false } = options
  const origin = originOf(options)
  const otherOrigins = passkeyOrigins.map((address) => new URL(address).origin)
  return {
    party: origin === undefined ? undefined : partyOf(origin, { domain, otherOrigins }),
    isLocalToo: origin === undefined || development,
  }
}

function secondRuleOf({ secondStep = 'optional', secondStepFrom }: AccountsOptions): SecondRule {
  return { applies: appliesOf(secondStep), from: secondStepFrom?.valueOf() ?? 0 }
}

function appliesOf(secondStep: AccountsOptions['secondStep']): SecondRule['applies'] {
  if (typeof secondStep === 'function') return secondStep
  if (secondStep === 'admins') return ({ roles }) => roles.includes(ADMIN)
  return () => secondStep === 'required'
}

function placesOf(options: AccountsOptions): Places {
  const { home = `${basePathOf(options)}/`, ...others } = options.places ?? {}
  return { home, afterSignup: home, afterLogin: home, afterLogout: home, ...others }
}

export function originOf({ baseUrl }: AccountsOptions): string | undefined {
  return baseUrl === undefined ? undefined : new URL(baseUrl).origin
}

export function cookieOptions(options: AccountsOptions): CookieOptions {
  const { cookieName = COOKIE_NAME, cookiePath = '/' } = options
  return { name: cookieName, path: cookiePath, https: isHttps(options) }
}

export function isHttps({ baseUrl }: AccountsOptions): boolean {
  return baseUrl?.startsWith('https:') ?? false
}
