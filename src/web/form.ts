import type { Context, Middleware } from 'koa'
import { once } from '../base/once.js'

/** A form. `name` is also its template folder, with `page.html` and `fields.html`, which htmx replaces. */
export interface Form<Field extends string = string> {
  name: string
  fields: readonly Field[]
  /** Fields that are never sent back to the browser. */
  secret: readonly Field[]
  /** Path of its page; by default derived from `name`. */
  path?: string
  /** A confirmation without fields, posted to its own path and not to `verify/`. */
  oneButton?: true
  /** The form whose page it is on. Responses show that page. */
  on?: Form
  /** Fields with hints while typing, from `hints/` of its page (see `onTyping`). */
  hinted?: readonly Field[]
  /** What it acts on: what is typed, or the first subject with an ID. By default the visitor's account. */
  about?: 'what is typed' | readonly Subject[]
  /** Returns what its page shows beside the form, such as a list. */
  around?: (ctx: Context) => Promise<object>
}

/** What a form acts on. A page that was opened for another subject is too old. */
export interface Subject {
  id(ctx: Context): string | undefined
  name(ctx: Context): Promise<string | undefined>
}

/** Submitted values. A field that was not sent is ''. */
export type Values<Field extends string = string> = Record<Field, string>

/** `code` is stable, `sentence` is English with `{name}` for each of `params`. */
export interface Message {
  code: string
  sentence: string
  params?: Params
}

/** `milliseconds` are shown in words: `in 4 minutes`. */
export type Params = Record<string, string | number | { milliseconds: number }>

/** A broken rule, with its field. */
export interface FieldError extends Message {
  field?: string
}

/** A hint about a field, never a reason to refuse the form. */
export interface Hint extends Message {
  field: string
  isGood?: boolean
  /** Whether sending the form now would fail with this. */
  isRule?: boolean
  /** `value` is out of 5, `label` names what is measured. */
  meter?: { label: Message; value: number }
}

const MAX_BODY = '32kb'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const NO_BODY =
  'The request body is not parsed. Add a body parser before accounts(): app.use(bodyParser()) from koa-bodyparser, or formBody() from gatehouse.'

/** Returns a parser for flat urlencoded forms of at most 32 KB and 100 fields. Throws 4xx otherwise. */
export function formBody(): Middleware {
  const options = {
    enableTypes: ['form'],
    formLimit: MAX_BODY,
    // Passed on to qs; missing in the types of koa-bodyparser.
    queryString: {
      depth: 0,
      allowDots: false,
      parseArrays: false,
      parameterLimit: 100,
      throwOnLimitExceeded: true,
    },
  }
  // Loaded on demand: nobody needs it before the first form.
  const parser = once(async () => (await import('koa-bodyparser')).default(options))
  return async (ctx, next) => {
    if (isWithoutBody(ctx)) return await next()
    const parse = await parser()
    await parse(ctx, async () => {}).catch((error: unknown) => {
      // Some errors that the sender causes, such as broken gzip, have no status.
      throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
        status: statusOf(error),
      })
    })
    await next()
  }
}

// A request without a body gets an empty form, as from the parser.
function isWithoutBody(ctx: Context): boolean {
  if (ctx.request.body !== undefined || ctx.is() !== null) return false
  ctx.request.body = {}
  return true
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 400
}

/** Throws 415 for other types, 400 for repeated, nested or non-text fields, broken UTF-8 and NUL bytes. */
export function readValues<Field extends string>(ctx: Context, names: readonly Field[]): Values<Field> {
  refuseOtherTypes(ctx)
  const sent = new Map(Object.entries(bodyOf(ctx)))
  refuseBrokenText(ctx, sent)
  const values = names.map((name) => [name, sent.get(name) ?? ''] as const)
  return Object.fromEntries(values) as Values<Field>
}

export function textFields(ctx: Context): Record<string, string> {
  const { body } = ctx.request
  const fields = typeof body === 'object' && body !== null ? Object.entries(body) : []
  return Object.fromEntries(fields.filter((field): field is [string, string] => typeof field[1] === 'string'))
}

function refuseOtherTypes(ctx: Context): void {
  if (ctx.request.length === 0 || ctx.is() === null) return
  const saysOther = /charset/i.test(ctx.get('Content-Type')) && !/^utf-?8$/i.test(ctx.request.charset)
  if (!ctx.is(FORM_TYPE) || saysOther) ctx.throw(415)
}

function bodyOf(ctx: Context): object {
  const { body } = ctx.request
  if (body === undefined) throw new Error(NO_BODY)
  return typeof body === 'object' && body !== null ? body : {}
}

function refuseBrokenText(ctx: Context, sent: Map<string, unknown>): void {
  const broken =
    isBrokenEncoding(ctx.request.rawBody) ||
    [...sent].some(
      ([name, value]) => isNested(name) || typeof value !== 'string' || isBrokenText(name + value),
    )
  if (broken) ctx.throw(400)
}

// The parser keeps broken percent signs and silently drops `__proto__`. Only the raw body shows them.
function isBrokenEncoding(raw: unknown): boolean {
  if (typeof raw !== 'string') return false
  try {
    return raw.split('&').some((pair) => decodeURIComponent(pair).startsWith('__proto__'))
  } catch {
    return true
  }
}

function isNested(name: string): boolean {
  return name.includes('[') || name.includes(']')
}

function isBrokenText(text: string): boolean {
  return text.includes('\0') || text.includes('\uFFFD')
}
