import type { Context } from 'koa'
import type { Gatehouse } from '../visitor/gatehouse.js'
import type { Form, Hint, Message, Values } from '../web/form.js'
import { ACCEPTED, type FieldTexts, shownForm } from '../web/form-state.js'
import { type LinkedError, shownError, shownNotice, shownOnward } from '../web/message-box.js'
import type { Link, Notice } from '../web/notices.js'
import { FRAGMENT } from '../web/page.js'

export interface Sample {
  template: string
  form?: Form
  values?: Partial<Values>
  errors?: readonly (LinkedError & { ask?: { form: Form; button: Message; values: Values } })[]
  hints?: readonly Hint[]
  notice?: Notice
  onward?: Link
  around: object
}

// No real token, so forms sent with it are refused.
const NO_TOKEN = 'made-up'

export function sampled(
  ctx: Context,
  { pages, url }: Gatehouse,
  { template, form, values = {}, errors = [], hints = [], notice, onward, around }: Sample,
): string {
  const texts = pages.viewsOf(ctx)
  const state = (one: Form, typed: Partial<Values>, fieldTexts?: FieldTexts) => ({
    ...shownForm(one, typed, texts, url, fieldTexts),
    csrf: NO_TOKEN,
  })
  const shownErrors = errors.map(({ ask, ...error }) => ({
    ...shownError(texts, error),
    ask: ask && { ...state(ask.form, ask.values), button: texts.translate(ask.button) },
  }))
  return pages.rendered(ctx, template, {
    ...around,
    messages: {
      errors: shownErrors.length > 0 ? shownErrors : undefined,
      notice: shownNotice(texts, notice),
      onward: shownOnward(texts, url, onward, notice),
    },
    form: form && {
      ...state(form, values, { errors, hints }),
      oob: template === FRAGMENT,
      ...(notice && template === FRAGMENT && ACCEPTED),
    },
  })
}
