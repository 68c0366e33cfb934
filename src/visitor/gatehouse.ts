import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import type { MailKinds } from '../accounts/mail-kinds.js'
import type { Registry } from '../accounts/registry.js'
import type { Render } from '../mail/template.js'
import type { Seal } from '../secrets/seal.js'
import type { Assets } from '../web/assets.js'
import type { Csrf } from '../web/csrf.js'
import type { SitePages } from '../web/page.js'
import type { SpokenNotice } from '../web/pages.js'
import type { Url } from '../web/routes.js'
import type { OwnCookie } from '../web/sealed-cookie.js'
import type { Places } from '../web/site.js'
import type { LoginCookie } from './login-cookie.js'

/** What every feature works with, made once at start. */
export interface Gatehouse extends Registry {
  pages: SitePages
  assets: Assets
  url: Url
  places: Places
  /** Whether the owner is told by mail when a session is used from another network and by another browser at once. */
  jumpMail: boolean
  /** The language in which a request is answered, by its tag. */
  languageOf: (ctx: Context) => string
  /** Renders a template of a mail, `.txt` or `.html`, in a language; one that is not offered is the site's first. */
  render: Render
  mailKinds: MailKinds
  csrf: Csrf
  loginCookie: LoginCookie
  /** How far a login has come that needs more than a password. */
  halfLoginCookie: OwnCookie
  /** Which accounts a browser has logged in to. */
  deviceCookie: OwnCookie
  /** Seals what browsers bring back to us; its context says what for. */
  seal: Seal
  /** The site's fixed origin; undefined if it has none and the Host header decides. */
  origin: string | undefined
  /** The address of the browser behind a request, IPv4 or IPv6; '' if it cannot be known. */
  address: (ctx: Context) => string
  siteName: string
  /** Names of fields that the host has added to the sign-up form. */
  signupFields: readonly string[]
}

/** The login with the name filled in, for who has just shown that it is theirs. */
export function loginAs({ url }: Pick<Gatehouse, 'url'>, { name }: { name: string }): string {
  return `${url('login')}?${new URLSearchParams({ username: name })}`
}

/** The login that leads on to this page of ours. */
export function loginBefore({ url }: Pick<Gatehouse, 'url'>, page: string): string {
  return `${url('login')}?${new URLSearchParams({ next: page })}`
}

const gatehouses = new WeakMap<IncomingMessage, Gatehouse>()

/** Notes which Gatehouse a request has come to, for the guards. */
export function enter(ctx: Context, gatehouse: Gatehouse): void {
  gatehouses.set(ctx.req, gatehouse)
}

/** The Gatehouse a request has come to. Throws if it has not come by one. */
export function gatehouseOf(ctx: Context): Gatehouse {
  const gatehouse = gatehouses.get(ctx.req)
  if (gatehouse === undefined) throw new Error('A guard of Gatehouse has to stand behind accounts().')
  return gatehouse
}

/** The notice that waits for the page which answers this request, to be shown once; it dies a minute after it was made. */
export function takeNotice(ctx: Context): SpokenNotice | undefined {
  return gatehouseOf(ctx).pages.takeNotice(ctx)
}
