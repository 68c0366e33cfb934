import { hash } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { type Csrf, refuseCrossSite } from './csrf.js'
import { type Form, type Hint, type Message, readValues, type Values } from './form.js'
import type { SitePages } from './page.js'
import { announce, errorResponseOf } from './refusal.js'

export const PAGE_TOO_OLD = {
  code: 'page_too_old',
  sentence:
    'This page was open for too long, or something changed in another tab. Nothing is lost: press the button again.',
}

// An expired cookie and a blocked one look alike here, so the text covers both.
const COOKIE_MISSING = {
  code: 'cookie_missing',
  sentence:
    'Your browser did not send the cookie that this site needs. This page may have been open for too long, or cookies are blocked. Nothing is lost: press the button again. If you see this message again, allow cookies for this site.',
}

// With two users in two tabs, what was meant for one account must not happen to the other.
export function pageOfAnotherAccount(name: string): Message {
  return {
    code: 'page_of_another_account',
    sentence:
      'This page was opened for another account. The account in use here is now {name}. Nothing was changed. Press the button again only if you mean {name}.',
    params: { name },
  }
}

export type Sent<Field extends string> = Values<Field | '_csrf' | '_once'>

export function fingerprint(
  ctx: Context,
  { csrf }: Pick<SubmitOptions, 'csrf'>,
  { _once }: Sent<never>,
  ...values: string[]
): string {
  const parts = [csrf.secretOf(ctx), _once, ...values]
  return hash('sha256', JSON.stringify(parts), 'base64url')
}

export type Handle<Field extends string> = (ctx: Context, values: Sent<Field>) => Promise<void>

export interface SubmitOptions {
  pages: SitePages
  csrf: Csrf
  origin: string | undefined
  log: Logger
}

export function onSubmit<Field extends string>(
  form: Form<Field>,
  { pages, csrf, origin, log }: SubmitOptions,
  handle: Handle<Field>,
): Middleware {
  const submit: Middleware = async (ctx) => {
    refuseCrossSite(ctx, { origin, log })
    const values = readValues(ctx, [...form.fields, '_csrf', '_once'] as const)
    const other = await pages.subjects.another(ctx, form, values._csrf)
    if (other !== undefined) {
      return await pages.refuse(ctx, form, { status: 403, errors: [pageOfAnotherAccount(other)], values })
    }
    if (!csrf.matches(ctx, values._csrf)) {
      return await pages.refuse(ctx, form, {
        status: 403,
        errors: [tooOld(csrf.secretOf(ctx), values._csrf)],
        values,
      })
    }
    await handle(ctx, values).catch(async (error: unknown) => {
      const response = errorResponseOf(error)
      if (response?.retryAfter === undefined) throw error
      announce(ctx, response, error, log)
      await pages.refuse(ctx, form, { status: response.status, errors: [response.error], values })
    })
  }
  forms.set(submit, form)
  return submit
}

const forms = new WeakMap<Middleware, Form>()

export function formOf(ctx: Context): Form | undefined {
  const layers: readonly Layer[] = ctx.matched ?? []
  return layers
    .filter(({ methods }) => methods.includes(ctx.method))
    .flatMap(({ stack }) => stack.map((middleware) => forms.get(middleware)))
    .find(Boolean)
}

interface Layer {
  methods: readonly string[]
  stack: readonly Middleware[]
}

// A token without a secret: the browser did not keep the cookie of the page.
function tooOld(secret: string, token: string): Message {
  return token !== '' && secret === '' ? COOKIE_MISSING : PAGE_TOO_OLD
}

// Hints are optional: a page that is too old gets none, and the error appears when the form is sent.
export function onTyping<Field extends string>(
  form: Form<Field>,
  { pages, csrf, origin, log }: SubmitOptions,
  hintsFor: (ctx: Context, values: Sent<Field>) => Promise<readonly Hint[]>,
): Middleware {
  return async (ctx) => {
    refuseCrossSite(ctx, { origin, log })
    const values = readValues(ctx, [...form.fields, '_csrf', '_once'] as const)
    const hints = csrf.matches(ctx, values._csrf) ? await hintsFor(ctx, values) : []
    pages.hint(ctx, form, hints)
  }
}
