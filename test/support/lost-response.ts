import { MINUTE } from '../../src/base/durations.js'
import type { Page, Site, Visitor } from './helpers.js'

/** As long as a failover takes, and longer than a renewed session's old token works otherwise. */
export const FAILOVER = MINUTE

/**
 * Sends the form of a page twice with the same cookies, like a browser that never got the first response. Returns the
 * second one.
 */
export async function sentTwice(
  site: Site,
  visitor: Visitor,
  page: Page,
  typed: Record<string, string>,
  { action, other = {} }: { action?: string; other?: Record<string, string> } = {},
): Promise<Page> {
  const form = page.$(action === undefined ? 'main form' : `form[action="${action}"]`).first()
  const fields = new URLSearchParams(form.serialize())
  for (const [name, value] of Object.entries(typed)) fields.set(name, value)
  const to = form.attr('action') ?? ''
  const jar = visitor.agent.jar.getCookies({ path: '/', domain: '127.0.0.1', secure: false, script: false })
  const Cookie = jar.toValueString()
  const lost = site.visitor({ htmx: visitor.htmx })
  await lost.post(to, fields.toString(), { Cookie })
  site.clock.advance(FAILOVER)
  for (const [name, value] of Object.entries(other)) fields.set(name, value)
  return visitor.post(to, fields.toString())
}

export function messageOn(response: Page): string {
  return response.messages().join()
}

/** Returns the visitor's message, on whatever page it appears. */
export async function shownMessage(visitor: Visitor, response: Page): Promise<string> {
  const place = response.headers['hx-redirect'] ?? response.headers.location
  return place === undefined ? messageOn(response) : messageOn(await visitor.open(place))
}
