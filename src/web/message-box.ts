import type { Context, Middleware } from 'koa'
import { isCrossSite } from './csrf.js'
import type { Broken, Message } from './form.js'
import { queryText } from './http.js'
import { localPath } from './local-path.js'
import type { Link, Notice } from './notices.js'
import type { Url } from './routes.js'

/** The sentences of the site in one language. */
export interface Texts {
  /** The text of a message, in the host's words. */
  say(message: Message): string
  /** The same for a template: what people chose is marked in it as data. */
  mark(message: Message): string | object
}

/** What went wrong, with a link to where it can be mended. */
export type Problematic = Broken & { link?: Link }

/** The journey on starts after so long, for the message to be read. */
const ONWARD_DELAY = '3s'

export function shownError(texts: Texts, { link, ...error }: Problematic) {
  return { field: error.field, text: texts.mark(error), link: shownLink(texts, link) }
}

export function shownLink({ say }: Texts, link: Link | undefined) {
  return link && { href: link.href, text: say(link.message) }
}

export function shownNotice(texts: Texts, notice: Notice | undefined) {
  return (
    notice && {
      ...shownSentence(texts, notice),
      advice: notice.advice && shownSentence(texts, notice.advice),
    }
  )
}

function shownSentence(texts: Texts, { message, link }: Notice) {
  return { text: texts.mark(message), link: shownLink(texts, link) }
}

/** The link on which htmx goes on by itself, unless the notice has advice that wants to be read. */
export function shownOnward(texts: Texts, url: Url, onward: Link | undefined, notice?: Notice) {
  return (
    onward && {
      ...shownLink(texts, onward),
      ...(notice?.advice === undefined && { action: onwardTo(onward.href, url), delay: ONWARD_DELAY }),
    }
  )
}

function onwardTo(to: string, url: Url): string {
  return `${url('onward')}?${new URLSearchParams({ to })}`
}

/**
 * Leads on from the message box. A host's own page answers htmx with all of itself, to be swapped into the box; this address
 * answers with HX-Redirect, and the browser opens the place as a page. Other sites lead nowhere by it.
 */
export function onward(
  { pages, origin }: { pages: { leave(ctx: Context, to: string): void }; origin: string | undefined },
  home: string,
): Middleware {
  return (ctx: Context) => {
    const to = isCrossSite(ctx, origin) ? undefined : localPath(queryText(ctx, 'to'))
    pages.leave(ctx, to ?? home)
  }
}
