import { generateSync } from 'otplib'
import type { Page, Site, Visitor } from './helpers.js'

/** What an authenticator app shows at this time, in milliseconds. */
export function codeAt(secret: string, time: number): string {
  return generateSync({ secret, epoch: Math.floor(time / 1000) })
}

/** The key on the page of the set-up, as somebody types it into an app. */
export function keyOn(page: Page): string {
  return page.$('.key').text().replaceAll(' ', '')
}

export function codesOn(page: Page): string[] {
  return page
    .$('.codes code')
    .toArray()
    .map((element) => page.$(element).text())
}

/** Somebody who is logged in, with a confirmed address. */
export async function settled(site: Site, name: string, options: { htmx?: boolean } = {}): Promise<Visitor> {
  const visitor = site.visitor(options)
  await visitor.signUp(name)
  const { code } = await site.mailThat(`${name}@example.com`, (mail) => mail.code !== '')
  await visitor.send(await visitor.open('/email/confirm/'), { code })
  await visitor.logIn(name)
  return visitor
}

export interface SecondStep {
  secret: string
  codes: string[]
}

/** Turns two-step verification on, and lets the code of the set-up pass. */
export async function turnOn(site: Site, visitor: Visitor): Promise<SecondStep> {
  const page = await visitor.open('/account/authenticator/')
  const secret = keyOn(page)
  await visitor.send(page, { code: codeAt(secret, site.clock.time) })
  const codes = codesOn(await visitor.open('/account/recovery-codes/'))
  site.clock.advance(30_000)
  return { secret, codes }
}

/** Opens a page for which the password has to be entered again. */
export async function reopen(visitor: Visitor, path: string): Promise<Page> {
  return visitor.confirm(await visitor.open((await visitor.open(path)).headers.location ?? ''))
}
