import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import type { LoginAfter } from '../accounts/login-methods.js'
import type { MailKinds } from '../accounts/mail-kinds.js'
import type { Registry } from '../accounts/registry.js'
import type { Render } from '../mail/template.js'
import type { Challenges } from '../secrets/challenge.js'
import type { Cipher } from '../secrets/cipher.js'
import type { NextToken } from '../secrets/token.js'
import type { RelyingParty } from '../secrets/webauthn.js'
import type { User } from '../tables/users.js'
import type { Assets } from '../web/assets.js'
import type { Csrf } from '../web/csrf.js'
import type { SitePages } from '../web/page.js'
import type { ShownNotice } from '../web/pages.js'
import type { Url } from '../web/routes.js'
import type { OwnCookie } from '../web/sealed-cookie.js'
import type { Places } from '../web/site.js'
import type { LoginCookie } from './login-cookie.js'

export type LoginStep = (user: User, ctx: Context) => string | undefined | Promise<string | undefined>

export interface Gatehouse extends Registry {
  pages: SitePages
  assets: Assets
  url: Url
  places: Places
  jumpMail: boolean
  languageOf: (ctx: Context) => string
  render: Render
  mailKinds: MailKinds
  csrf: Csrf
  loginCookie: LoginCookie
  halfLoginCookie: OwnCookie
  deviceCookie: OwnCookie
  cipher: Cipher
  challenges: Challenges
  nextToken: NextToken
  passkeys: PasskeySettings
  /** If undefined, the Host header decides. */
  origin: string | undefined
  /** Returns the IP address, or '' if it is unknown. */
  address: (ctx: Context) => string
  siteName: string
  loginStep: LoginStep
  /** If false, sign-up makes up a username. */
  asksUsername: boolean
  loginAfter: readonly LoginAfter[]
  signupFields: readonly string[]
}

interface PasskeySettings {
  /** Of the site's own address. */
  party: RelyingParty | undefined
  isLocalToo: boolean
}

export function loginAs(
  { url, asksUsername }: Pick<Gatehouse, 'url' | 'asksUsername'>,
  { name }: { name: string },
): string {
  // Nobody remembers a made-up username.
  if (!asksUsername) return url('login')
  return `${url('login')}?${new URLSearchParams({ username: name })}`
}

export function loginBefore({ url }: Pick<Gatehouse, 'url'>, page: string): string {
  return `${url('login')}?${new URLSearchParams({ next: page })}`
}

const gatehouses = new WeakMap<IncomingMessage, Gatehouse>()

export function setGatehouse(ctx: Context, gatehouse: Gatehouse): void {
  gatehouses.set(ctx.req, gatehouse)
}

export function gatehouseOf(ctx: Context): Gatehouse {
  const gatehouse = gatehouses.get(ctx.req)
  if (gatehouse === undefined) throw new Error('Gatehouse guards must come after accounts().')
  return gatehouse
}

/** Returns the notice that waits for this page, once and within a minute of its creation. */
export function takeNotice(ctx: Context): ShownNotice | undefined {
  return gatehouseOf(ctx).pages.takeNotice(ctx)
}
