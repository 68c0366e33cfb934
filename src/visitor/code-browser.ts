import type { Context } from 'koa'
import { hashOf } from '../secrets/token.js'
import { keep, keptText } from '../web/session.js'
import type { Gatehouse } from './gatehouse.js'

const BROWSER = 'codes'

export function ensureCodeBrowser(ctx: Context, { csrf }: Pick<Gatehouse, 'csrf'>): string {
  // Derived from the CSRF secret, so that both requests of a double click get the same value.
  const browser = codeBrowserOf(ctx) ?? hashOf(`codes of ${csrf.secretOf(ctx)}`)
  keep(ctx, { [BROWSER]: browser })
  return browser
}

export function codeBrowserOf(ctx: Context): string | undefined {
  return keptText(ctx, BROWSER)
}
