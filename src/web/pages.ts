import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import type { Advice, Form, Message, Values } from './form.js'
import type { Problematic } from './message-box.js'
import type { Link, Notice } from './notices.js'

/** Every answer a visitor sees goes through one of these; each serves htmx and plain browsers alike. */
export interface Pages {
  /** A whole page. */
  show(ctx: Context, template: string, values?: object): void
  /** The page of a form, empty or with `values` filled in. */
  form(ctx: Context, form: Form, values?: Partial<Values>, known?: Known): Promise<void>
  /** The form was not accepted: the errors in the message box and at their fields, what was typed kept. */
  refuse(ctx: Context, form: Form, refusal: Refusal): Promise<void>
  /** While the form is being filled in: advice at its fields, and nothing else of the page is touched. */
  advise(ctx: Context, form: Form, advice: readonly Advice[]): void
  /**
   * Another form has to be sent before this can be done: its page, or for htmx, whose page stays as it is, a button in the
   * message box that leads there. 403.
   */
  ask(ctx: Context, form: Form, question: Question): Promise<void>
  /** The form was accepted: the message, and the journey on to `to`, a place of ours; or back to the form's page. */
  accept(ctx: Context, form: Form, acceptance: Acceptance): Promise<void>
  /** Goes on to `to` without a form having to be shown again. */
  leave(ctx: Context, to: string, notice?: Notice): void
  /** The notice that waits for this page, once; for pages that are not of `show` and `form`, which show it themselves. */
  takeNotice(ctx: Context): SpokenNotice | undefined
  /** A file for the visitor to keep. */
  download(ctx: Context, file: Download): void
  /** Something went wrong outside of a form: the message, and a link to go on by. */
  problem(ctx: Context, problem: Problem): void
}

/** What the handler knows of a form's page. */
export interface Known {
  /** What helps with its fields. */
  advice?: readonly Advice[] | undefined
  /** What its page shows beside the form; `form.around` is asked for it otherwise. */
  around?: object | undefined
}

export interface Refusal extends Known {
  /** 406 unless said otherwise. */
  status?: number
  /** What they say is not said twice by the advice. */
  errors: readonly Problematic[]
  values: Partial<Values>
}

export interface Question {
  error: Message
  /** Names the button that leads to the form. */
  button: Message
  /** What the form begins with. */
  values: Values
}

export interface Acceptance {
  notice: Notice
  to: string
  /** Names the link to `to`, for those who do not want to wait; without one htmx stays on the page. */
  onward?: Message
  values: Partial<Values>
}

/** A notice as it is read. */
export interface SpokenNotice {
  code: string
  /** In the visitor's language, with the host's words. */
  text: string
  params: Record<string, unknown>
  link?: { href: string; text: string } | undefined
}

export interface Download {
  /** Its ending says what is in it. */
  name: string
  content: Readable
}

export interface Problem {
  status: number
  error: Message
  /** Where the visitor can mend it. */
  link?: Link
  /** What a maintainer needs to see, in development alone. */
  detail?: string | undefined
}
