import type { Context, Middleware } from 'koa'
import { isCrossSite } from './csrf.js'
import { queryText } from './http.js'
import { localPath } from './local-path.js'
import type { Pages } from './pages.js'

/** The address that htmx asks when the journey goes on to `to`. */
export function onwardTo(to: string, url: (name: string) => string): string {
  return `${url('onward')}?${new URLSearchParams({ to })}`
}

/**
 * Leads on from the message box. A host's own page answers htmx with all of itself, to be swapped into the box; this address
 * answers with HX-Redirect, and the browser opens the place as a page. Other sites lead nowhere by it.
 */
export function onward(
  { pages, origin }: { pages: Pages; origin: string | undefined },
  home: string,
): Middleware {
  return (ctx: Context) => {
    const to = isCrossSite(ctx, origin) ? undefined : localPath(queryText(ctx, 'to'))
    pages.leave(ctx, to ?? home)
  }
}
