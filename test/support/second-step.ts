import { generateSync } from 'otplib'
import { PASSWORD, type Page, type Site, type Visitor } from './helpers.js'

/** Returns an authenticator app's code at this time, in milliseconds. */
export function codeAt(secret: string, time: number): string {
  return generateSync({ secret, epoch: Math.floor(time / 1000) })
}

/** Returns the key on the setup page, as typed into an app. */
export function keyOn(page: Page): string {
  return page.$('.key').text().replaceAll(' ', '')
}

export function codesOn(page: Page): string[] {
  return page
    .$('.codes code')
    .toArray()
    .map((element) => page.$(element).text())
}

/** Signs up, confirms the email address and logs in. */
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

/** Turns two-step verification on, and waits until the setup's code has passed. */
export async function turnOn(site: Site, visitor: Visitor): Promise<SecondStep> {
  const page = await visitor.open('/account/authenticator/')
  const secret = keyOn(page)
  await visitor.send(page, { code: codeAt(secret, site.clock.time) })
  const codes = codesOn(await visitor.open('/account/recovery-codes/'))
  site.clock.advance(30_000)
  return { secret, codes }
}

/** Opens a page that asks for the password, and for a code if there is a secret, and enters them. */
export async function reopen(site: Site, visitor: Visitor, path: string, secret?: string): Promise<Page> {
  const plain = Object.assign(site.visitor(), { agent: visitor.agent })
  const opened = await followed(plain, await plain.open(path))
  const page = await followed(plain, await plain.send(opened, { password: PASSWORD }))
  if (secret === undefined) return page
  return followed(plain, await plain.send(page, { code: codeAt(secret, site.clock.time) }))
}

async function followed(visitor: Visitor, page: Page): Promise<Page> {
  const { location } = page.headers
  return location === undefined ? page : followed(visitor, await visitor.open(location))
}

/** Returns a header with the browser's current cookies. */
export function copyOf(visitor: Visitor): { Cookie: string } {
  const place = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  const cookies = visitor.agent.jar.getCookies(place)
  return { Cookie: cookies.map((one) => one.toValueString()).join('; ') }
}

/** Returns the body of the page's form with this code. */
export function filled(page: Page, code: string): string {
  const fields = new URLSearchParams(page.$('main form').serialize())
  fields.set('code', code)
  return fields.toString()
}

/** Enters the password, and returns the page that asks for a code. */
export async function halfway(visitor: Visitor, name: string): Promise<Page> {
  await visitor.logIn(name)
  return visitor.open('/login/two-step/')
}

/** Takes the device cookie out of a browser. Returns how to put it back. */
export function dropDevice({ agent: { jar } }: Visitor): () => void {
  const access = { domain: '127.0.0.1', path: '/', secure: false, script: false }
  const cookie = jar.getCookies(access).find(({ name }) => name === 'gatehouse-device')
  if (cookie === undefined) throw new Error('This browser has no device cookie.')
  const former = `${cookie.toValueString()}; path=/`
  jar.setCookie('gatehouse-device=; path=/; expires=Thu, 01 Jan 1970 00:00:00 GMT', '127.0.0.1', '/')
  return () => void jar.setCookie(former, '127.0.0.1', '/')
}
