import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import type { Form, Hint, Message, Values } from './form.js'
import type { LinkedError } from './message-box.js'
import type { Link, Notice } from './notices.js'

/** Responses for visitors, each with and without htmx. */
export interface Pages {
  show(ctx: Context, template: string, values?: object): void
  /** Shows the page of a form, empty or filled in with `values`. */
  form(ctx: Context, form: Form, values?: Partial<Values>, known?: FormExtras): Promise<void>
  /** Shows the form again with its errors, filled in. */
  refuse(ctx: Context, form: Form, refusal: Refusal): Promise<void>
  /** Shows hints at the fields and changes nothing else. */
  hint(ctx: Context, form: Form, hints: readonly Hint[]): void
  /** Asks for another form first, with status 403. htmx gets a button that leads to it. */
  ask(ctx: Context, form: Form, question: Question): Promise<void>
  /** Shows the notice and goes on to `to`, a local path, or back to the form's page. */
  accept(ctx: Context, form: Form, acceptance: Acceptance): Promise<void>
  /** Redirects to `to`, where the notice is shown. */
  leave(ctx: Context, to: string, notice?: Notice): void
  /** Returns the notice for this page, once. `show` and `form` take and show it themselves. */
  takeNotice(ctx: Context): ShownNotice | undefined
  download(ctx: Context, file: Download): void
  /** Shows an error outside a form, with a link to continue. */
  problem(ctx: Context, problem: Problem): void
}

export interface FormExtras {
  hints?: readonly Hint[] | undefined
  /** By default `form.around` is called. */
  around?: object | undefined
}

export interface Refusal extends FormExtras {
  /** 406 by default. */
  status?: number
  /** Shows a neutral message: nothing was wrong, for example the visitor canceled. */
  isHint?: boolean
  errors: readonly LinkedError[]
  values: Partial<Values>
}

export interface Question {
  error: Message
  button: Message
  values: Values
}

export interface Acceptance extends Pick<FormExtras, 'around'> {
  notice: Notice
  to: string
  /** Label of the link to `to`; without one htmx stays on the page. */
  onward?: Message
  values: Partial<Values>
}

export interface ShownNotice {
  code: string
  /** In the visitor's language. */
  text: string
  params: Record<string, unknown>
  link?: { href: string; text: string } | undefined
}

export interface Download {
  /** Its extension decides the content type. */
  name: string
  content: Readable
}

export interface Problem {
  status: number
  error: Message
  link?: Link
  /** Shown in development only. */
  detail?: string | undefined
}
