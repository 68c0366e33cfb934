import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Context, Middleware } from 'koa'
import { MINUTE } from '../base/durations.js'
import { isCrossSite } from '../web/csrf.js'
import { type Form, textFields, type Values } from '../web/form.js'
import { actionOf } from '../web/form-state.js'
import { seenPath, seenUrl } from '../web/http.js'
import { localPath } from '../web/local-path.js'
import { isHtmx } from '../web/response.js'
import { keep, keepOptional, keptText } from '../web/session.js'
import { formOf } from '../web/submit.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import { lastUser } from './known-devices.js'
import { sessionOf, userOf } from './logins.js'
import { passwordConfirm } from './proofs.js'

const LIFE = 10 * MINUTE
// Characters. Form bodies are limited to 32 KB.
const MAX_IN_FORM = 28_000

interface Draft {
  page: string
  typed: Values
  at: number
}

export function pageOfForm(ctx: Context): string | undefined {
  if (isPasswordConfirm(ctx, gatehouseOf(ctx))) return localPath(textFields(ctx).next)
  return refererPage(ctx) ?? localPath(seenPath(ctx).replace(/\/verify\/$/, '/'))
}

/** Returns the requested page. For a fragment, returns the page it belongs to, if there is a Referer. */
export function pageRequested(ctx: Context): string {
  // With hx-boost, htmx requests whole pages.
  const isFragment = isHtmx(ctx) && ctx.get('HX-Boosted') !== 'true'
  return (isFragment ? refererPage(ctx) : undefined) ?? seenUrl(ctx)
}

function refererPage(ctx: Context): string | undefined {
  const referer = ctx.get('Referer')
  if (!URL.canParse(referer) || !isOwnUrl(ctx, new URL(referer))) return undefined
  const { pathname, search } = new URL(referer)
  return localPath(pathname + search)
}

function isPasswordConfirm(ctx: Context, { url }: Gatehouse): boolean {
  return [actionOf(passwordConfirm, url), url('password/confirm/passkey')].includes(seenPath(ctx))
}

function isOwnUrl(ctx: Context, url: URL): boolean {
  const { origin } = gatehouseOf(ctx)
  return origin === undefined ? url.host === ctx.get('Host').toLowerCase() : url.origin === origin
}

/** Encrypts what was typed, for this session and page. Returns '' if there is nothing, undefined if it is too long. */
export function encryptTyped(ctx: Context, page = ''): string | undefined {
  const typed = typedIn(ctx)
  if (page === '' || Object.values(typed).every((text) => text === '')) return ''
  const gatehouse = gatehouseOf(ctx)
  const content = JSON.stringify({ page, typed, at: gatehouse.now() } satisfies Draft)
  const encrypted = gatehouse.cipher.encrypt(deflateRawSync(content).toString('base64'), bindingOf(ctx, page))
  return encrypted.length > MAX_IN_FORM ? undefined : encrypted
}

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

// The next user of this browser must not see what the previous one typed.
function guestBinding(userId: string | undefined, page: string): string {
  return `typed by ${userId ?? 'somebody'} ${pathOf(page)}`
}

function pathOf(page: string): string | undefined {
  return page.split('?', 1)[0]
}

/** Returns false if what was typed is too long to keep. */
export function keepTyped(ctx: Context, page: string | undefined): boolean {
  const encrypted = encryptTyped(ctx, page)
  return encrypted === '' || (encrypted !== undefined && keepEncrypted(ctx, encrypted))
}

export function keepEncrypted(ctx: Context, encrypted: string): boolean {
  return keepOptional(ctx, 'typed', `${gatehouseOf(ctx).now()} ${encrypted}`)
}

export function pageOfTyped(ctx: Context, encrypted: string, next: string | undefined): string | undefined {
  return next === undefined ? undefined : decrypt(gatehouseOf(ctx), encrypted, bindingOf(ctx, next))?.page
}

function decrypt({ cipher, now }: Gatehouse, encrypted: string, binding: string): Draft | undefined {
  const text = cipher.decrypt(encrypted, binding)
  if (text === undefined) return undefined
  const draft: Draft = JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString())
  const age = now() - draft.at
  return age >= 0 && age < LIFE ? draft : undefined
}

const brought = new WeakMap<Context, Values>()

/** Fills in a form that comes back from the password page. Turns the request into a GET, so the form is not processed. */
export function bringBack(gatehouse: Gatehouse): Middleware {
  return async (ctx, next) => {
    dropOld(ctx, gatehouse)
    const { _typed } = textFields(ctx)
    const isBack = ctx.method === 'POST' && _typed !== undefined && !isPasswordConfirm(ctx, gatehouse)
    if (isBack && !isCrossSite(ctx, gatehouse.origin)) {
      brought.set(ctx, decrypt(gatehouse, _typed, bindingOf(ctx, seenPath(ctx)))?.typed ?? {})
      ctx.method = 'GET'
      ctx.request.body = {}
    }
    await next()
  }
}

/** Returns what was typed into this page's form before a login or password prompt, once, for 10 minutes. */
export function typedOf(ctx: Context): Readonly<Values> {
  return brought.get(ctx) ?? takeKept(ctx)
}

function takeKept(ctx: Context): Values {
  const [, encrypted] = keptText(ctx, 'typed')?.split(' ') ?? []
  if (encrypted === undefined || ctx.method === 'HEAD') return {}
  // Before a login there was no session to bind it to.
  const guests = [userOf(ctx)?.id, undefined].map((userId) => guestBinding(userId, seenPath(ctx)))
  const bindings = [bindingOf(ctx, seenPath(ctx)), ...guests]
  const draft = bindings.map((binding) => decrypt(gatehouseOf(ctx), encrypted, binding)).find(Boolean)
  if (draft !== undefined) keep(ctx, { typed: undefined })
  return draft?.typed ?? {}
}

function dropOld(ctx: Context, { now }: Gatehouse): void {
  const [at] = keptText(ctx, 'typed')?.split(' ') ?? []
  if (at !== undefined && now() - Number(at) >= LIFE) keep(ctx, { typed: undefined })
}
