import { createHash } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { type Csrf, refuseCrossSite } from './csrf.js'
import { type Advice, type Form, type Message, readValues, type Values } from './form.js'
import type { SitePages } from './page.js'
import { announce, answerOf } from './refusal.js'

export const PAGE_TOO_OLD = {
  code: 'page_too_old',
  sentence:
    'This page was open for too long, or changed in another tab. Nothing is lost: please press the button again.',
}

// A cookie that has expired in the browser and one that it refuses look alike from here: both are told what helps.
const COOKIE_MISSING = {
  code: 'cookie_missing',
  sentence:
    'Your browser did not send the cookie that this site needs. Either this page was open for too long, or cookies are blocked. Nothing is lost: press the button again. If this message comes back, allow cookies for this site.',
}

/**
 * Two users in two tabs of one browser: what was meant for the account of one is not done to that of the other, whose name
 * is said. Pressed again, it is meant for them.
 */
export function forAnother(name: string): Message {
  return {
    code: 'page_of_another_account',
    sentence:
      'This page was opened for another account, and the account in use here is now {name}. Nothing was done. Press the button again only if you mean {name}.',
    params: { name },
  }
}

/** The fields that every form of ours sends beside its own: the CSRF token and the form's one-time id. */
export type Sent<Field extends string> = Values<Field | '_csrf' | '_once'>

/** The same for the same visitor, page and values alone: by it the second arrival of one form is known. */
export function fingerprint(
  ctx: Context,
  { csrf }: Pick<SubmitOptions, 'csrf'>,
  { _once }: Sent<never>,
  ...values: string[]
): string {
  const parts = [csrf.secretOf(ctx), _once, ...values]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url')
}

/** What is done with the values of a form that was sent from its own page. */
export type Handle<Field extends string> = (ctx: Context, values: Sent<Field>) => Promise<void>

export interface SubmitOptions {
  pages: SitePages
  csrf: Csrf
  /** The site's fixed origin, if it has one; else the Host header says what is same-origin. */
  origin: string | undefined
  log: Logger
}

/**
 * What is done when `form` is sent, after everything was checked that all forms have in common. A page that was too
 * old, a site that is too busy, and a limit that is reached give the form back with what was typed.
 */
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
      return await pages.refuse(ctx, form, { status: 403, errors: [forAnother(other)], values })
    }
    if (!csrf.matches(ctx, values._csrf)) {
      return await pages.refuse(ctx, form, {
        status: 403,
        errors: [tooOld(csrf.secretOf(ctx), values._csrf)],
        values,
      })
    }
    await handle(ctx, values).catch(async (error: unknown) => {
      const answer = answerOf(error)
      if (answer?.retryAfter === undefined) throw error
      announce(ctx, answer, error, log)
      await pages.refuse(ctx, form, { status: answer.status, errors: [answer.error], values })
    })
  }
  forms.set(submit, form)
  return submit
}

const forms = new WeakMap<Middleware, Form>()

/** The form of the route that a request has come to; for guards, which stand before what is done with it. */
export function formOf(ctx: Context): Form | undefined {
  const layers: readonly Layer[] = ctx.matched ?? []
  return layers
    .filter(({ methods }) => methods.includes(ctx.method))
    .flatMap(({ stack }) => stack.map((middleware) => forms.get(middleware)))
    .find(Boolean)
}

/** A route as @koa/router notes it. */
interface Layer {
  methods: readonly string[]
  stack: readonly Middleware[]
}

// Without a secret nothing came back of what the page with this token has given to the browser.
function tooOld(secret: string, token: string): Message {
  return token !== '' && secret === '' ? COOKIE_MISSING : PAGE_TOO_OLD
}

/**
 * What is answered while `form` is being filled in: what `advise` says of the values so far. It is only a help, so a page
 * that was too old gets none, and is told so when the form is sent.
 */
export function onTyping<Field extends string>(
  form: Form<Field>,
  { pages, csrf, origin, log }: SubmitOptions,
  advise: (ctx: Context, values: Sent<Field>) => Promise<readonly Advice[]>,
): Middleware {
  return async (ctx) => {
    refuseCrossSite(ctx, { origin, log })
    const values = readValues(ctx, [...form.fields, '_csrf', '_once'] as const)
    const advice = csrf.matches(ctx, values._csrf) ? await advise(ctx, values) : []
    pages.advise(ctx, form, advice)
  }
}
