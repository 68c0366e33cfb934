import type { Context, Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'

/**
 * A form as the server knows it. `name` is also its folder of templates: `<name>/page.html`, and `<name>/fields.html`
 * with all that an answer to htmx brings up to date.
 */
export interface Form<Field extends string = string> {
  name: string
  fields: readonly Field[]
  /** Fields that are never sent back to the browser. */
  secret: readonly Field[]
  /** Where its page is, for a host's own forms; by default where its name says. */
  path?: string
  /** A confirmation with nothing to fill in: it is sent to its own address, not to `verify/`. */
  oneButton?: true
  /** The form on whose page it stands, if that is another: answers show that one's page. */
  on?: Form
  /** Fields that are advised on while they are filled in, by `advice/` of its page (see `onTyping`). */
  advised?: readonly Field[]
  /**
   * What it acts on, if not on the account of whoever is here: what is named in the form itself, or the first of these that
   * is there, such as the account of a link.
   */
  about?: 'what is typed' | readonly Subject[]
  /** What its page shows beside the form, such as a list. */
  around?: (ctx: Context) => Promise<object>
}

/** What a form acts on. The page of a form that was opened for another subject is too old. */
export interface Subject {
  /** Its id, which is never shown; undefined if it is not there. */
  id(ctx: Context): string | undefined
  /** What the visitor calls it. */
  name(ctx: Context): Promise<string | undefined>
}

/** What was typed; a field that was not sent is ''. */
export type Values<Field extends string = string> = Record<Field, string>

/** What the site says: `code` is stable, `sentence` is its English text, with `{name}` for each of `params`. */
export interface Message {
  code: string
  sentence: string
  params?: Params
}

/** A time is said in words: `in 4 minutes`. */
export type Params = Record<string, string | number | { milliseconds: number }>

/** A rule that is broken, and by which field. */
export interface Broken extends Message {
  field?: string
}

/** What helps with a field before its form is sent, beside the field; never a reason to refuse the form. */
export interface Advice extends Message {
  field: string
  /** All is well. */
  isGood?: boolean
  /** It is a rule that is broken, and the answer to the form would say so. */
  isRule?: boolean
  /** How much, of five; `label` names what is measured. */
  meter?: { label: Message; value: number }
}

const MAX_BODY = '32kb'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const NO_BODY =
  'Gatehouse found no parsed body: put a body parser before it, for instance app.use(bodyParser()) of koa-bodyparser, or formBody() of gatehouse.'

/** The body parser for forms: urlencoded alone, flat names, no more than a form of ours can need. */
export function formBody(): Middleware {
  const options = {
    enableTypes: ['form'],
    formLimit: MAX_BODY,
    // Handed through to qs; missing in the types of koa-bodyparser.
    queryString: {
      depth: 0,
      allowDots: false,
      parseArrays: false,
      parameterLimit: 100,
      throwOnLimitExceeded: true,
    },
  }
  const parse = bodyParser(options)
  return async (ctx, next) => {
    if (isWithoutBody(ctx)) return await next()
    await parse(ctx, async () => {}).catch((error: unknown) => {
      // Broken gzip and the like come without a status, and are the sender's fault all the same.
      throw Object.assign(error instanceof Error ? error : new Error(String(error)), {
        status: statusOf(error),
      })
    })
    await next()
  }
}

// Whoever asks for it is given an empty form, like by the parser.
function isWithoutBody(ctx: Context): boolean {
  if (ctx.request.body !== undefined || ctx.is() !== null) return false
  ctx.request.body = {}
  return true
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : 400
}

/**
 * Reads the fields of a form that was sent, and refuses with 415 what is no form and with 400 what no form of ours
 * sends: repeated, nested or non-text fields, broken UTF-8, NUL bytes.
 */
export function readValues<Field extends string>(ctx: Context, names: readonly Field[]): Values<Field> {
  refuseOtherTypes(ctx)
  const sent = new Map(Object.entries(bodyOf(ctx)))
  refuseBrokenText(ctx, sent)
  const values = names.map((name) => [name, sent.get(name) ?? ''] as const)
  return Object.fromEntries(values) as Values<Field>
}

/** The text fields of whatever form was sent, without a judgement; none if there is no parsed form. */
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

// The parser leaves broken percent signs as they are and drops `__proto__` silently: only the raw body tells.
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
