import type { Readable } from 'node:stream'
import type { Context } from 'koa'
import { randomFew } from '../secrets/random.js'
import type { Markup } from '../views/markup.js'
import type { Views } from '../views/views.js'
import { answerHtml } from './compression.js'
import { type Csrf, isForAnother } from './csrf.js'
import type { Advice, Broken, Form, Message, Subject, Values } from './form.js'
import { DYNAMIC, SPOKEN } from './headers.js'
import { seenPath, seenUrl } from './http.js'
import type { LanguageChoice } from './language.js'
import { localPath, ownPath } from './local-path.js'
import { noteRefusal } from './log.js'
import type { Link, Notice, Notices } from './notices.js'
import { onwardTo } from './onward.js'

export type { Link, Notice }

/** Every answer a visitor sees goes through one of these; each serves htmx and plain browsers alike. */
export interface Pages {
  /** A whole page. */
  show(ctx: Context, template: string, values?: object): void
  /** The page of a form, empty or with `values` filled in, and with advice on them. */
  form(ctx: Context, form: Form, values?: Partial<Values>, advice?: readonly Advice[]): Promise<void>
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
  /** The text of a page or fragment with made-up values; nobody's answer, and what is sent from it is refused. */
  sample(ctx: Context, sample: Sample): string
  /** What a form would act on now, by its name, if its page with this CSRF token was opened for something else. */
  otherSubject(ctx: Context, form: Form | undefined, token: string): Promise<string | undefined>
  /** Makes a form known by the address to which it is sent. */
  register(form: Form): void
  /** The form that is sent to this address. */
  formAt(path: string): Form | undefined
}

export interface Refusal {
  /** 406 unless said otherwise. */
  status?: number
  errors: readonly (Broken & { link?: Link })[]
  /** What else helps with the fields; what the errors say is not said twice. */
  advice?: readonly Advice[]
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

/** What a page or fragment is to show. */
export interface Sample {
  template: string
  form?: Form
  values?: Partial<Values>
  errors?: readonly (Broken & { link?: Link; ask?: { form: Form; button: Message; values: Values } })[]
  advice?: readonly Advice[]
  notice?: Notice
  onward?: Link
  /** Whatever else the template uses; the visitor, too. */
  around: object
}

export interface PagesOptions {
  languages: LanguageChoice
  /** Pages and messages in the language of this tag. */
  speech: (tag: string) => Speech
  csrf: Csrf
  notices: Notices
  /** The path of the page of this name. */
  url: (name: string) => string
  /** What every template may use: the visitor, the site's name. */
  shared: (ctx: Context) => object
  /** The account of whoever is here, on which forms act that do not say otherwise. */
  visitor: Subject
  /** What was typed into the form of this page before a detour. */
  typed: (ctx: Context) => Readonly<Partial<Values>>
}

/** What is said at the fields of a form. */
interface Said {
  errors?: readonly Broken[]
  advice?: readonly Advice[]
}

/** How the site speaks in one language. */
export interface Speech {
  views: Views
  /** The text of a message, in the host's words. */
  say: (message: Message) => string
  /** The same for a template: what people chose is marked in it as data. */
  mark: (message: Message) => string | Markup
}

/** The journey on starts after so long, for the message to be read. */
const ONWARD_DELAY = '3s'

/** No token: what is sent with it is refused. */
const NO_TOKEN = 'made-up'

/** Tells public/no-answer.js that the answer is no error page of a proxy. */
const OURS = { Gatehouse: 'fragment' }

/** What htmx gets, of whichever form. */
export const FRAGMENT = 'parts/fragment.html'

/** What htmx gets while a form is being filled in. */
export const ADVICE = 'parts/advice.html'

const TYPED_AGAIN = {
  code: 'typed_again',
  sentence: 'Here is what you had typed. Nothing was sent yet: please look it over, then send it.',
}

export function createPages({
  languages,
  speech,
  csrf,
  notices,
  url,
  shared,
  visitor,
  typed,
}: PagesOptions): Pages {
  const forms = new Map<string, Form>()

  const subjectOf = (ctx: Context, form: Form | undefined): Subject | undefined => {
    const { about = [] } = form?.on ?? form ?? {}
    if (about === 'what is typed') return undefined
    return [...about, visitor].find((subject) => subject.id(ctx) !== undefined)
  }

  /** The account that a page is about, if that is another than the one of whoever is here. */
  const otherAccount = async (ctx: Context, form: Form): Promise<string | undefined> => {
    const subject = subjectOf(ctx, form)
    const name = subject === visitor ? undefined : await subject?.name(ctx)
    return name === undefined || name === (await visitor.name(ctx)) ? undefined : name
  }

  const render = (ctx: Context, template: string, values: object) => {
    const language = languages.of(ctx)
    ctx.set(SPOKEN)
    ctx.set('Content-Language', language)
    if (isHtmx(ctx)) ctx.set(OURS)
    answerHtml(ctx, speech(language).views.render(template, { ...shared(ctx), ...values }))
  }

  /** A whole page, with the way to it in other languages; `at` is its address, if it is not the one that was asked for. */
  const renderPage = (ctx: Context, template: string, values: object, at?: string) =>
    render(ctx, template, { languages: languages.links(ctx, at), ...values })

  const say = (ctx: Context, message: Message) => speech(languages.of(ctx)).say(message)

  const mark = (ctx: Context, message: Message) => speech(languages.of(ctx)).mark(message)

  const spokenLink = (ctx: Context, link: Link | undefined) =>
    link && { href: link.href, text: say(ctx, link.message) }

  const spokenError = (ctx: Context, { link, ...error }: Broken & { link?: Link }) => ({
    field: error.field,
    text: mark(ctx, error),
    link: spokenLink(ctx, link),
  })

  const spokenSentence = (ctx: Context, { message, link }: Notice) => ({
    text: mark(ctx, message),
    link: spokenLink(ctx, link),
  })

  const spoken = (ctx: Context, notice: Notice | undefined) =>
    notice && {
      ...spokenSentence(ctx, notice),
      advice: notice.advice && spokenSentence(ctx, notice.advice),
    }

  const spokenOnward = (ctx: Context, { advice }: Partial<Notice>, onward: Link | undefined) =>
    onward && {
      ...{ href: onward.href, text: say(ctx, onward.message) },
      ...(advice === undefined && { action: onwardTo(onward.href, url), delay: ONWARD_DELAY }),
    }

  const wholePage = (ctx: Context, template: string, values: () => object) =>
    answer(ctx, {
      page() {
        const other = languages.take(ctx)
        if (other !== undefined) return redirect(ctx, other)
        const messages = { notice: spoken(ctx, notices.take(ctx)) }
        renderPage(ctx, template, { messages, ...values() })
      },
      fragment: () => redirectHtmx(ctx, ownPath(seenUrl(ctx)) ?? '/'),
    })

  const formState = (ctx: Context, form: Form, values: Partial<Values>, said: Said = {}) => ({
    ...stateOf(ctx, form, values, said),
    csrf: csrf.token(ctx, subjectOf(ctx, form)?.id(ctx)),
  })

  const stateOf = (
    ctx: Context,
    form: Form,
    values: Partial<Values>,
    { errors = [], advice = [] }: Said = {},
  ) => ({
    name: form.name,
    action: actionOf(form, url),
    advised: form.advised ?? [],
    adviceAction: `${pageOf(form, url)}advice/`,
    adviceId: hintsOf(form),
    advice: byField(unsaid(advice, errors), (one) => spokenAdvice(ctx, one)),
    hasFields: form.fields.length > 0 || form.around !== undefined,
    once: values._once || newOnce(),
    values: visible(form, values),
    errors: byField(errors, (message) => mark(ctx, message)),
  })

  const spokenAdvice = (ctx: Context, { isGood = false, isRule = false, meter, ...message }: Advice) => ({
    text: mark(ctx, message),
    isGood,
    isRule,
    meter: meter && { label: say(ctx, meter.label), value: meter.value },
  })

  const sampleState = (ctx: Context, form: Form, values: Partial<Values>, said: Said = {}) => ({
    ...stateOf(ctx, form, values, said),
    csrf: NO_TOKEN,
  })

  return {
    show: (ctx, template, values = {}) => wholePage(ctx, template, () => values),

    async form(ctx, form, values = {}, advice = []) {
      const around = await form.around?.(ctx)
      const other = await otherAccount(ctx, form)
      wholePage(ctx, `${form.name}/page.html`, () => {
        const again = typed(ctx)
        const isAgain = Object.keys(again).length > 0
        const state = formState(ctx, form, { ...values, ...again }, { advice: isAgain ? [] : advice })
        return {
          ...around,
          other,
          form: state,
          ...(isAgain && { messages: { notice: spoken(ctx, { message: TYPED_AGAIN }) } }),
        }
      })
    },

    advise(ctx, form, advice) {
      answer(ctx, {
        // Nobody types into a page without JavaScript and waits for help.
        page: () => redirect(ctx, pageOf(form, url)),
        fragment: () => render(ctx, ADVICE, { form: stateOf(ctx, form, {}, { advice }) }),
      })
    },

    async refuse(ctx, sent, { status = 406, errors, advice, values }) {
      const form = sent.on ?? sent
      const around = { ...(await form.around?.(ctx)), other: await otherAccount(ctx, form) }
      const messages = { errors: errors.map((error) => spokenError(ctx, error)) }
      const state = formState(ctx, form, values, { errors, ...(advice && { advice }) })
      ctx.status = status
      noteRefusal(ctx, errors)
      endHints(ctx, form)
      answer(ctx, {
        page: () =>
          renderPage(ctx, `${form.name}/page.html`, { ...around, messages, form: state }, pageOf(form, url)),
        fragment: () => render(ctx, FRAGMENT, { ...around, messages, form: { ...state, oob: true } }),
      })
    },

    async ask(ctx, form, { error, button, values }) {
      ctx.status = 403
      noteRefusal(ctx, [error])
      const state = formState(ctx, form, values)
      answer(ctx, {
        page: () => {
          const messages = { errors: [spokenError(ctx, error)] }
          renderPage(ctx, `${form.name}/page.html`, { messages, form: state }, pageOf(form, url))
        },
        fragment: () =>
          render(ctx, FRAGMENT, {
            messages: {
              errors: [{ ...spokenError(ctx, error), ask: { ...state, button: say(ctx, button) } }],
            },
          }),
      })
    },

    async accept(ctx, sent, { notice, to, onward, values }) {
      const form = sent.on ?? sent
      if (!isHtmx(ctx)) {
        notices.leave(ctx, notice)
        return redirect(ctx, to)
      }
      endHints(ctx, form)
      render(ctx, FRAGMENT, {
        ...(await form.around?.(ctx)),
        messages: {
          notice: spoken(ctx, notice),
          onward: spokenOnward(ctx, notice, onward && { href: to, message: onward }),
        },
        form: { ...formState(ctx, form, values), ...ACCEPTED, oob: true },
      })
    },

    leave(ctx, to, notice) {
      languages.take(ctx)
      if (notice !== undefined) notices.leave(ctx, notice)
      answer(ctx, {
        page: () => redirect(ctx, to),
        fragment: () => redirectHtmx(ctx, to),
      })
    },

    takeNotice(ctx) {
      const notice = notices.take(ctx)
      if (notice === undefined) return undefined
      const { code, params = {} } = notice.message
      return { code, params, text: say(ctx, notice.message), link: spokenLink(ctx, notice.link) }
    },

    download(ctx, { name, content }) {
      answer(ctx, {
        page() {
          ctx.set(DYNAMIC)
          ctx.attachment(name)
          ctx.body = content
        },
        // What is in it may have been written by anybody, and would be taken for a part of the page.
        fragment: () => redirectHtmx(ctx, ownPath(seenUrl(ctx)) ?? '/'),
      })
    },

    sample(ctx, { template, form, values = {}, errors = [], advice = [], notice, onward, around }) {
      const spokenErrors = errors.map(({ ask, ...error }) => ({
        ...spokenError(ctx, error),
        ask: ask && { ...sampleState(ctx, ask.form, ask.values), button: say(ctx, ask.button) },
      }))
      const messages = {
        errors: spokenErrors.length > 0 ? spokenErrors : undefined,
        notice: spoken(ctx, notice),
        onward: spokenOnward(ctx, notice ?? {}, onward),
      }
      const state = form && {
        ...sampleState(ctx, form, values, { errors, advice }),
        oob: template === FRAGMENT,
        ...(notice && template === FRAGMENT && ACCEPTED),
      }
      return speech(languages.of(ctx)).views.render(template, {
        ...shared(ctx),
        languages: languages.links(ctx),
        ...around,
        messages,
        form: state,
      })
    },

    async otherSubject(ctx, form, token) {
      const subject = subjectOf(ctx, form)
      const id = subject?.id(ctx)
      return id !== undefined && isForAnother(token, id) ? await subject?.name(ctx) : undefined
    },

    register: (form) => void forms.set(actionOf(form, url), form),
    formAt: (path) => forms.get(path),

    problem(ctx, { status, error, link, detail }) {
      ctx.status = status
      noteRefusal(ctx, [error])
      const messages = { errors: [spokenError(ctx, { ...error, ...(link && { link }) })] }
      answer(ctx, {
        page() {
          const other = languages.take(ctx)
          if (other !== undefined) return redirect(ctx, other)
          const back = formBehind(seenPath(ctx))
          renderPage(ctx, 'problem/page.html', { messages, status, detail, back }, back)
        },
        fragment: () => {
          const self = ctx.method === 'GET' ? localPath(seenUrl(ctx)) : undefined
          if (self !== undefined) return redirectHtmx(ctx, self)
          render(ctx, FRAGMENT, { messages })
        },
      })
    },
  }
}

/** What was accepted has no place for advice any more: what comes late finds none. */
const ACCEPTED = { advised: [] }

// A question that is still under way is about what was typed before the form was sent.
function endHints(ctx: Context, form: Form): void {
  if (form.advised === undefined) return
  ctx.set('HX-Trigger', JSON.stringify({ 'htmx:abort': { target: `#${hintsOf(form)}` } }))
}

/** The id of the element that asks for advice. */
function hintsOf({ name }: Form): string {
  return `${name.replaceAll('/', '-')}-hints`
}

/** The one place that asks which kind of browser it is. */
function isHtmx(ctx: Context): boolean {
  return ctx.get('HX-Request') === 'true'
}

function answer(ctx: Context, { page, fragment }: { page: () => void; fragment: () => void }): void {
  if (isHtmx(ctx)) fragment()
  else page()
}

/** Where the form stands. */
function pageOf(form: Form, url: (name: string) => string): string {
  return form.path ?? url(form.name)
}

/** Where the form is sent. */
function actionOf(form: Form, url: (name: string) => string): string {
  const path = pageOf(form, url)
  return form.oneButton ? path : `${path}verify/`
}

function redirect(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 303
  ctx.redirect(to)
  ctx.body = ''
}

// A whole page is never swapped into a fragment: htmx is told to open it as a page.
function redirectHtmx(ctx: Context, to: string): void {
  ctx.set(DYNAMIC)
  ctx.status = 200
  ctx.set('HX-Redirect', to)
  ctx.body = ''
}

function newOnce(): string {
  return randomFew(16).toString('base64url')
}

function visible(form: Form, values: Partial<Values>): Partial<Values> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !form.secret.includes(name)))
}

function byField<One extends { field?: string }, Text>(
  all: readonly One[],
  spoken: (one: One) => Text,
): Record<string, Text[]> {
  const texts: Record<string, Text[]> = {}
  for (const one of all) {
    if (one.field === undefined) continue
    texts[one.field] = [...(texts[one.field] ?? []), spoken(one)]
  }
  return texts
}

function unsaid(advice: readonly Advice[], errors: readonly Broken[]): Advice[] {
  return advice.filter((one) => !errors.some(({ code }) => code === one.code))
}

// Whoever reloads the answer to a form, or opens its address, stands before a page that needs a way back to it.
function formBehind(path: string): string | undefined {
  return path.endsWith('/verify/') ? localPath(path.slice(0, -'verify/'.length)) : undefined
}
