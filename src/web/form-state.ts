import type { Context } from 'koa'
import { pooledRandomBytes } from '../secrets/random.js'
import { type Csrf, isForAnotherSubject } from './csrf.js'
import type { FieldError, Form, Hint, Subject, Values } from './form.js'
import type { Texts } from './message-box.js'
import type { Url } from './routes.js'

export interface FieldTexts {
  errors?: readonly FieldError[] | undefined
  hints?: readonly Hint[] | undefined
}

export function shownForm(
  form: Form,
  values: Partial<Values>,
  texts: Texts,
  url: Url,
  { errors = [], hints = [] }: FieldTexts = {},
) {
  return {
    name: form.name,
    action: actionOf(form, url),
    hinted: form.hinted ?? [],
    hintsAction: `${pageOf(form, url)}hints/`,
    fieldsId: fieldsOf(form),
    hints: byField(withoutErrors(hints, errors), (one) => shownHint(texts, one)),
    hasFields: form.fields.length > 0 || form.around !== undefined,
    once: values._once || newOnce(),
    values: visible(form, values),
    errors: byField(errors, texts.mark),
  }
}

// Leaves no place for hints that arrive late.
export const ACCEPTED = { hinted: [] }

export function pageOf(form: Form, url: Url): string {
  return form.path ?? url(form.name)
}

export function actionOf(form: Form, url: Url): string {
  const path = pageOf(form, url)
  return form.oneButton ? path : `${path}verify/`
}

// Aborts running hint requests, which are about earlier input.
export function endHints(ctx: Context, form: Form): void {
  if (form.hinted === undefined) return
  ctx.set('HX-Trigger', JSON.stringify({ 'htmx:abort': { target: `#${fieldsOf(form)}` } }))
}

function fieldsOf({ name }: Form): string {
  return `${name.replaceAll('/', '-')}-fields`
}

function shownHint({ mark, translate }: Texts, { isGood = false, isRule = false, meter, ...message }: Hint) {
  return {
    text: mark(message),
    isGood,
    isRule,
    meter: meter && { label: translate(meter.label), value: meter.value },
  }
}

function withoutErrors(hints: readonly Hint[], errors: readonly FieldError[]): Hint[] {
  return hints.filter((one) => !errors.some(({ code }) => code === one.code))
}

function byField<One extends { field?: string }, Text>(
  all: readonly One[],
  shown: (one: One) => Text,
): Record<string, Text[]> {
  const texts: Record<string, Text[]> = {}
  for (const one of all) {
    if (one.field === undefined) continue
    texts[one.field] = [...(texts[one.field] ?? []), shown(one)]
  }
  return texts
}

function newOnce(): string {
  return pooledRandomBytes(16).toString('base64url')
}

function visible(form: Form, values: Partial<Values>): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !form.secret.includes(name)))
}

export interface Subjects {
  token(ctx: Context, form: Form): string
  /** Returns the current subject's name if the page was opened for another. */
  another(ctx: Context, form: Form | undefined, token: string): Promise<string | undefined>
  /** Returns the name of the page's account if it is not the visitor's. */
  otherAccount(ctx: Context, form: Form): Promise<string | undefined>
}

export function createSubjects(csrf: Csrf, visitor: Subject): Subjects {
  const subjectOf = (ctx: Context, form: Form | undefined): Subject | undefined => {
    const { about = [] } = form?.on ?? form ?? {}
    if (about === 'what is typed') return undefined
    return [...about, visitor].find((subject) => subject.id(ctx) !== undefined)
  }
  return {
    token: (ctx, form) => csrf.token(ctx, subjectOf(ctx, form)?.id(ctx)),
    async another(ctx, form, token) {
      const subject = subjectOf(ctx, form)
      const id = subject?.id(ctx)
      return id !== undefined && isForAnotherSubject(token, id) ? await subject?.name(ctx) : undefined
    },
    async otherAccount(ctx, form) {
      const subject = subjectOf(ctx, form)
      const name = subject === visitor ? undefined : await subject?.name(ctx)
      return name === undefined || name === (await visitor.name(ctx)) ? undefined : name
    },
  }
}
