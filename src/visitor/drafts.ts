import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Context, Middleware } from 'koa'
import { MINUTE } from '../base/durations.js'
import { isCrossSite } from '../web/csrf.js'
import { type Form, textFields, type Values } from '../web/form.js'
import { actionOf } from '../web/form-state.js'
import { seenPath } from '../web/http.js'
import { localPath } from '../web/local-path.js'
import { keep, keepOptional, keptText } from '../web/session.js'
import { formOf } from '../web/submit.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import { lastUser } from './known-devices.js'
import { sessionOf, userOf } from './logins.js'
import { passwordConfirm } from './proofs.js'

/** What was typed is kept for so long. */
const KEPT = 10 * MINUTE
/** The body of a form may have 32 KB, and the sealed text is not all of it. */
const MOST_IN_FORM = 28_000

/** A form on its way to a password and back: the page it stands on, and what was typed. */
interface Detour {
  page: string
  typed: Values
  at: number
}

/**
 * The page on which the form stands that was sent; the site's own Referer tells, else the address it was sent to. Behind
 * the password's own page stands the one that asked for it.
 */
export function pageBehind(ctx: Context): string | undefined {
  if (isPasswordConfirm(ctx, gatehouseOf(ctx))) return localPath(textFields(ctx).next)
  const referer = ctx.get('Referer')
  if (URL.canParse(referer) && isOwnUrl(ctx, new URL(referer))) {
    const { pathname, search } = new URL(referer)
    const page = localPath(pathname + search)
    if (page !== undefined) return page
  }
  return localPath(seenPath(ctx).replace(/\/verify\/$/, '/'))
}

function isPasswordConfirm(ctx: Context, { url }: Gatehouse): boolean {
  return seenPath(ctx) === actionOf(passwordConfirm, url)
}

function isOwnUrl(ctx: Context, url: URL): boolean {
  const { origin } = gatehouseOf(ctx)
  return origin === undefined ? url.host === ctx.get('Host').toLowerCase() : url.origin === origin
}

/**
 * Seals what was typed, passwords excepted, for the way to the password and back. Only this session opens it, for this
 * page, for 10 minutes. '' if there is nothing of it, undefined if it is too long to travel.
 */
export function sealTyped(ctx: Context, page = ''): string | undefined {
  const typed = typedIn(ctx)
  if (page === '' || Object.values(typed).every((text) => text === '')) return ''
  const gatehouse = gatehouseOf(ctx)
  const content = JSON.stringify({ page, typed, at: gatehouse.now() } satisfies Detour)
  const sealed = gatehouse.seal.close(deflateRawSync(content).toString('base64'), bindingOf(ctx, page))
  return sealed.length > MOST_IN_FORM ? undefined : sealed
}

/** What was typed into the form that was sent: neither its passwords nor what its page has hidden in it. */
export function typedIn(ctx: Context): Values {
  const form = formOf(ctx)
  const isTyped = (name: string) =>
    !name.startsWith('_') && name !== 'next' && !isSecret(form, name) && (form?.fields.includes(name) ?? true)
  return Object.fromEntries(Object.entries(textFields(ctx)).filter(([name]) => isTyped(name)))
}

function isSecret(form: Form | undefined, name: string): boolean {
  return form === undefined ? /pass|pwd|secret|token|\bpin\b/i.test(name) : form.secret.includes(name)
}

function bindingOf(ctx: Context, page: string): string {
  const session = sessionOf(ctx)
  return session === undefined
    ? guestBinding(lastUser(ctx, gatehouseOf(ctx)), page)
    : `typed in ${session.id} ${pathOf(page)}`
}

// Whoever was logged in here last has typed it: it is not shown to the next user of the same browser.
function guestBinding(userId: string | undefined, page: string): string {
  return `typed by ${userId ?? 'somebody'} ${pathOf(page)}`
}

function pathOf(page: string): string | undefined {
  return page.split('?', 1)[0]
}

/**
 * Keeps what was typed in the session, for the way by a link to the login and back. Answers whether all of it is kept: it
 * may be too long for that.
 */
export function keepTyped(ctx: Context, page: string | undefined): boolean {
  const sealed = sealTyped(ctx, page)
  return sealed === '' || (sealed !== undefined && keepSealed(ctx, sealed))
}

/** Keeps what was sealed in the session, if there is room for it. */
export function keepSealed(ctx: Context, sealed: string): boolean {
  return keepOptional(ctx, 'typed', `${gatehouseOf(ctx).now()} ${sealed}`)
}

/** The page that the sealed form comes from, if it was sealed for this session and is not too old. */
export function pageOfTyped(ctx: Context, sealed: string, next: string | undefined): string | undefined {
  return next === undefined ? undefined : open(gatehouseOf(ctx), sealed, bindingOf(ctx, next))?.page
}

function open({ seal, now }: Gatehouse, sealed: string, binding: string): Detour | undefined {
  const text = seal.open(sealed, binding)
  if (text === undefined) return undefined
  const detour: Detour = JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString())
  const age = now() - detour.at
  return age >= 0 && age < KEPT ? detour : undefined
}

const brought = new WeakMap<Context, Values>()

/**
 * Brings a form back from the detour to the password: it was sent to its own page with what was typed in `_typed`, and is
 * answered as if the page were opened, filled in. Whatever comes in this way is never run.
 */
export function bringBack(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    dropOld(ctx, gatehouse)
    const { _typed } = textFields(ctx)
    const isBack = ctx.method === 'POST' && _typed !== undefined && !isPasswordConfirm(ctx, gatehouse)
    if (isBack && !isCrossSite(ctx, gatehouse.origin)) {
      brought.set(ctx, open(gatehouse, _typed, bindingOf(ctx, seenPath(ctx)))?.typed ?? {})
      ctx.method = 'GET'
      ctx.request.body = {}
    }
    await next()
  }
}

/** What was typed into the form of this page before a detour to a password; once, and for 10 minutes. */
export function typedOf(ctx: Context): Readonly<Values> {
  return brought.get(ctx) ?? takeKept(ctx)
}

function takeKept(ctx: Context): Values {
  const [, sealed] = keptText(ctx, 'typed')?.split(' ') ?? []
  if (sealed === undefined || ctx.method === 'HEAD') return {}
  // Before a login it was sealed for no session.
  const guests = [userOf(ctx)?.id, undefined].map((userId) => guestBinding(userId, seenPath(ctx)))
  const bindings = [bindingOf(ctx, seenPath(ctx)), ...guests]
  const detour = bindings.map((binding) => open(gatehouseOf(ctx), sealed, binding)).find(Boolean)
  if (detour !== undefined) keep(ctx, { typed: undefined })
  return detour?.typed ?? {}
}

function dropOld(ctx: Context, { now }: Gatehouse): void {
  const [at] = keptText(ctx, 'typed')?.split(' ') ?? []
  if (at !== undefined && now() - Number(at) >= KEPT) keep(ctx, { typed: undefined })
}
