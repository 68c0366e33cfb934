import type { Context, Middleware } from 'koa'
import { isCrossSite } from './csrf.js'
import type { FieldError, Message } from './form.js'
import { queryText } from './http.js'
import { localPath } from './local-path.js'
import type { Link, Notice } from './notices.js'
import type { Url } from './routes.js'

export interface Texts {
  translate(message: Message): string
  mark(message: Message): string | object
}

export type LinkedError = FieldError & { link?: Link }

const ONWARD_DELAY = '3s'

export function shownError(texts: Texts, { link, ...error }: LinkedError) {
  return { field: error.field, text: texts.mark(error), link: shownLink(texts, link) }
}

export function shownLink({ translate }: Texts, link: Link | undefined) {
  return link && { href: link.href, text: translate(link.message) }
}

export function shownNotice(texts: Texts, notice: Notice | undefined) {
  return (
    notice && {
      ...shownSentence(texts, notice),
      extra: notice.extra && shownSentence(texts, notice.extra),
    }
  )
}

function shownSentence(texts: Texts, { message, link }: Notice) {
  return { text: texts.mark(message), link: shownLink(texts, link) }
}

export function shownOnward(texts: Texts, url: Url, onward: Link | undefined, notice?: Notice) {
  return (
    onward && {
      ...shownLink(texts, onward),
      ...(notice?.extra === undefined && { action: onwardTo(onward.href, url), delay: ONWARD_DELAY }),
    }
  )
}

function onwardTo(to: string, url: Url): string {
  return `${url('onward')}?${new URLSearchParams({ to })}`
}

// htmx would swap the app's own page into the message box. HX-Redirect makes the browser open it instead.
// Requests from other sites always lead to the home page, against open redirects.
export function onward(
  { pages, origin }: { pages: { leave(ctx: Context, to: string): void }; origin: string | undefined },
  home: string,
): Middleware {
  return (ctx: Context) => {
    const to = isCrossSite(ctx, origin) ? undefined : localPath(queryText(ctx, 'to'))
    pages.leave(ctx, to ?? home)
  }
}
