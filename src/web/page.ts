import type { Context } from 'koa'
import type { Csrf } from './csrf.js'
import type { Form, Hint, Subject, Values } from './form.js'
import {
  ACCEPTED,
  createSubjects,
  endHints,
  type FieldTexts,
  pageOf,
  type Subjects,
  shownForm,
} from './form-state.js'
import { DYNAMIC } from './headers.js'
import { seenPath, seenUrl } from './http.js'
import type { LanguageChoice } from './language.js'
import { localPath, ownPath } from './local-path.js'
import { noteRefusal } from './log.js'
import { shownError, shownLink, shownNotice, shownOnward, type Texts } from './message-box.js'
import type { Notice, Notices } from './notices.js'
import type {
  Acceptance,
  Download,
  FormExtras,
  Pages,
  Problem,
  Question,
  Refusal,
  ShownNotice,
} from './pages.js'
import { isHtmx, redirect, redirectHtmx, respond, respondIn } from './response.js'
import type { Url } from './routes.js'

export interface PageViews extends Texts {
  render(template: string, values: object): string
}

export interface PagesOptions {
  languages: LanguageChoice
  views: (tag: string) => PageViews
  csrf: Csrf
  notices: Notices
  url: Url
  /** Returns a new object, to which the values of the page are added. */
  shared: (ctx: Context) => object
  visitor: Subject
  typed: (ctx: Context) => Readonly<Partial<Values>>
}

export const FRAGMENT = 'parts/fragment.html'

export const HINTS = 'parts/hints.html'

const TYPED_AGAIN = {
  code: 'typed_again',
  sentence: 'Here is what you typed. Nothing has been sent yet: check it, then send it.',
}

export class SitePages implements Pages {
  readonly subjects: Subjects
  readonly #options: PagesOptions

  constructor(options: PagesOptions) {
    this.#options = options
    this.subjects = createSubjects(options.csrf, options.visitor)
  }

  show(ctx: Context, template: string, values: object = {}): void {
    this.#wholePage(ctx, template, () => values)
  }

  async form(ctx: Context, form: Form, values: Partial<Values> = {}, known: FormExtras = {}): Promise<void> {
    const around = await this.#around(ctx, form, known)
    this.#wholePage(ctx, `${form.name}/page.html`, () => {
      const typed = this.#options.typed(ctx)
      if (Object.keys(typed).length === 0) return { ...around, form: this.#state(ctx, form, values, known) }
      const notice = shownNotice(this.viewsOf(ctx), { message: TYPED_AGAIN })
      return { ...around, form: this.#state(ctx, form, { ...values, ...typed }), messages: { notice } }
    })
  }

  hint(ctx: Context, form: Form, hints: readonly Hint[]): void {
    const { url } = this.#options
    respond(ctx, {
      page: () => redirect(ctx, pageOf(form, url)),
      fragment: () =>
        this.#fragment(ctx, HINTS, { form: shownForm(form, {}, this.viewsOf(ctx), url, { hints }) }),
    })
  }

  async refuse(
    ctx: Context,
    sent: Form,
    { status = 406, isHint = false, values, ...known }: Refusal,
  ): Promise<void> {
    const form = sent.on ?? sent
    const around = await this.#around(ctx, form, known)
    const errors = known.errors.map((error) => shownError(this.viewsOf(ctx), error))
    const messages = isHint ? { hint: errors[0] } : { errors }
    const state = this.#state(ctx, form, values, known)
    ctx.status = status
    noteRefusal(ctx, known.errors)
    endHints(ctx, form)
    respond(ctx, {
      page: () => this.#formPage(ctx, form, { ...around, messages, form: state }),
      fragment: () => this.#fragment(ctx, FRAGMENT, { ...around, messages, form: { ...state, oob: true } }),
    })
  }

  async ask(ctx: Context, form: Form, { error, button, values }: Question): Promise<void> {
    ctx.status = 403
    noteRefusal(ctx, [error])
    const texts = this.viewsOf(ctx)
    const state = this.#state(ctx, form, values)
    const shown = shownError(texts, error)
    const around = isHtmx(ctx) ? {} : await form.around?.(ctx)
    respond(ctx, {
      page: () => this.#formPage(ctx, form, { ...around, messages: { errors: [shown] }, form: state }),
      fragment: () => {
        const ask = { ...state, button: texts.translate(button) }
        this.#fragment(ctx, FRAGMENT, { messages: { errors: [{ ...shown, ask }] } })
      },
    })
  }

  async accept(ctx: Context, sent: Form, { notice, to, onward, values, around }: Acceptance): Promise<void> {
    const form = sent.on ?? sent
    if (!isHtmx(ctx)) {
      this.#options.notices.leave(ctx, notice)
      return redirect(ctx, to)
    }
    endHints(ctx, form)
    const texts = this.viewsOf(ctx)
    const link = onward && { href: to, message: onward }
    this.#fragment(ctx, FRAGMENT, {
      ...(around ?? (await form.around?.(ctx))),
      messages: {
        notice: shownNotice(texts, notice),
        onward: shownOnward(texts, this.#options.url, link, notice),
      },
      form: { ...this.#state(ctx, form, values), ...ACCEPTED, oob: true },
    })
  }

  leave(ctx: Context, to: string, notice?: Notice): void {
    const { languages, notices } = this.#options
    languages.take(ctx)
    if (notice !== undefined) notices.leave(ctx, notice)
    respond(ctx, {
      page: () => redirect(ctx, to),
      fragment: () => redirectHtmx(ctx, to),
    })
  }

  takeNotice(ctx: Context): ShownNotice | undefined {
    const notice = this.#options.notices.take(ctx)
    if (notice === undefined) return undefined
    const texts = this.viewsOf(ctx)
    const { code, params = {} } = notice.message
    return { code, params, text: texts.translate(notice.message), link: shownLink(texts, notice.link) }
  }

  download(ctx: Context, { name, content }: Download): void {
    respond(ctx, {
      page() {
        ctx.set(DYNAMIC)
        ctx.attachment(name)
        ctx.body = content
      },
      // The file may contain text by others, which htmx would swap into the page.
      fragment: () => redirectHtmx(ctx, ownPath(seenUrl(ctx)) ?? '/'),
    })
  }

  problem(ctx: Context, { status, error, link, detail }: Problem): void {
    ctx.status = status
    noteRefusal(ctx, [error])
    const messages = { errors: [shownError(this.viewsOf(ctx), { ...error, ...(link && { link }) })] }
    respond(ctx, {
      page: () => {
        const other = this.#options.languages.take(ctx)
        if (other !== undefined) return redirect(ctx, other)
        const back = formBehind(seenPath(ctx))
        this.#page(ctx, 'problem/page.html', { messages, status, detail, back }, back)
      },
      fragment: () => {
        const self = ctx.method === 'GET' ? localPath(seenUrl(ctx)) : undefined
        if (self !== undefined) return redirectHtmx(ctx, self)
        this.#fragment(ctx, FRAGMENT, { messages })
      },
    })
  }

  viewsOf(ctx: Context): PageViews {
    const { languages, views } = this.#options
    return views(languages.of(ctx))
  }

  rendered(ctx: Context, template: string, values: object, at?: string): string {
    const { shared, languages } = this.#options
    const all = Object.assign(shared(ctx), { languages: languages.links(ctx, at) }, values)
    return this.viewsOf(ctx).render(template, all)
  }

  async #around(ctx: Context, form: Form, { around }: FormExtras): Promise<object> {
    return {
      ...(around ?? (await form.around?.(ctx))),
      other: await this.subjects.otherAccount(ctx, form),
    }
  }

  #state(ctx: Context, form: Form, values: Partial<Values>, texts?: FieldTexts) {
    return {
      ...shownForm(form, values, this.viewsOf(ctx), this.#options.url, texts),
      csrf: this.subjects.token(ctx, form),
    }
  }

  #wholePage(ctx: Context, template: string, values: () => object): void {
    const { languages, notices } = this.#options
    respond(ctx, {
      page: () => {
        const other = languages.take(ctx)
        if (other !== undefined) return redirect(ctx, other)
        const messages = { notice: shownNotice(this.viewsOf(ctx), notices.take(ctx)) }
        this.#page(ctx, template, Object.assign({ messages }, values()))
      },
      fragment: () => redirectHtmx(ctx, ownPath(seenUrl(ctx)) ?? '/'),
    })
  }

  #formPage(ctx: Context, form: Form, values: object): void {
    this.#page(ctx, `${form.name}/page.html`, values, pageOf(form, this.#options.url))
  }

  #page(ctx: Context, template: string, values: object, at?: string): void {
    respondIn(ctx, this.#options.languages.of(ctx), this.rendered(ctx, template, values, at))
  }

  #fragment(ctx: Context, template: string, values: object): void {
    const { shared, languages } = this.#options
    const html = this.viewsOf(ctx).render(template, Object.assign(shared(ctx), values))
    respondIn(ctx, languages.of(ctx), html)
  }
}

// A reload of the response to a form shows a problem page, which links back to the form.
function formBehind(path: string): string | undefined {
  return path.endsWith('/verify/') ? localPath(path.slice(0, -'verify/'.length)) : undefined
}
