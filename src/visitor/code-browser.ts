import type { Context } from 'koa'
import { hashOf } from '../secrets/token.js'
import { keep, keptText } from '../web/session.js'
import type { Gatehouse } from './gatehouse.js'

const BROWSER = 'codes'

/** What binds a code to the browser that asks for it now; the same however often it asks, until it logs out. */
export function askingBrowser(ctx: Context, { csrf }: Pick<Gatehouse, 'csrf'>): string {
  // Of a button pressed twice both answers have to keep the same, so it comes from what both requests have brought.
  const browser = askedBrowser(ctx) ?? hashOf(`codes of ${csrf.secretOf(ctx)}`)
  keep(ctx, { [BROWSER]: browser })
  return browser
}

/** The same for a browser that has asked for a code; undefined if it has not. */
export function askedBrowser(ctx: Context): string | undefined {
  return keptText(ctx, BROWSER)
}
