import * as cheerio from 'cheerio'
import { masked, PASSWORD } from './forms.js'
import type { Load } from './load.js'

/** A request, its visitor, and the expected response. */
export type Request = Pick<Load, 'address' | 'path' | 'method' | 'headers' | 'body' | 'response'>

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A browser that keeps cookies and sends forms with htmx. */
export class Visitor {
  readonly #address: string
  readonly #cookies = new Map<string, string>()

  constructor(address: string) {
    this.#address = address
  }

  async open(path: string): Promise<string> {
    return (await this.#ask({ path, method: 'GET', headers: this.#headers() })).body
  }

  async send(path: string, body: string): Promise<string> {
    return (await this.#ask({ path, method: 'POST', headers: this.#formHeaders(), body })).body
  }

  /** Returns a page to open repeatedly, with its current content for this visitor. */
  async opening(path: string): Promise<Request> {
    const asked = { path, method: 'GET' as const, headers: this.#headers() }
    return { address: this.#address, ...asked, response: maskedResponse(await this.#ask(asked)) }
  }

  /** Returns a form to send repeatedly, with its first response. */
  async sending(path: string, body: string, { htmx = true } = {}): Promise<Request> {
    const headers = htmx ? this.#formHeaders() : { ...this.#headers(), ...FORM }
    const asked = { path, method: 'POST' as const, headers, body }
    const first = await this.#ask({ ...asked, body: body.replaceAll(/\{\w+\}/g, '0') })
    return { address: this.#address, ...asked, response: maskedResponse(first) }
  }

  #headers(): Record<string, string> {
    const cookies = [...this.#cookies].map(([name, value]) => `${name}=${value}`)
    return cookies.length > 0 ? { cookie: cookies.join('; ') } : {}
  }

  #formHeaders(): Record<string, string> {
    return { ...this.#headers(), ...FORM, 'hx-request': 'true' }
  }

  async #ask({ path, ...asked }: RequestInit & { path: string }): Promise<Load['response']> {
    const response = await fetch(this.#address + path, asked)
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      this.#cookies.set(name, value)
    }
    return { status: response.status, body: await response.text() }
  }
}

/** Returns a visitor with a session at the site. */
export async function memberOf({ address }: { address: string }): Promise<Visitor> {
  const visitor = new Visitor(address)
  const typed = { username: 'Bench0', password: PASSWORD }
  await visitor.send('/login/verify/', filled(await visitor.open('/login/'), typed))
  await visitor.open('/') // uses up the message about the login
  return visitor
}

/** Returns a user's home page, to open repeatedly. */
export async function memberHome(site: { address: string }): Promise<Request> {
  const request = await (await memberOf(site)).opening('/')
  refuseUnlike(request.response, 'Bench')
  return request
}

/** Returns the login of one user after another, to send repeatedly. */
export async function loggingIn({ address }: { address: string }): Promise<Request> {
  const visitor = new Visitor(address)
  const typed = { username: 'Bench{user}', password: PASSWORD, _once: '{n}' }
  const request = await visitor.sending('/login/verify/', filled(await visitor.open('/login/'), typed))
  refuseUnlike(request.response, 'You are logged in.')
  return request
}

export function refuseUnlike({ status, body }: Load['response'], text: string): void {
  if (status !== 200 || !body.includes(text)) throw new Error(`The response was ${status}:\n${body}`)
}

function maskedResponse({ status, body }: Load['response']): Load['response'] {
  return { status, body: masked(body) }
}

/** Returns the fields of a page's form with the typed values. `{n}` and the like are kept. */
export function filled(page: string, typed: Record<string, string>): string {
  const fields = new URLSearchParams(cheerio.load(page)('main form').serialize())
  for (const [name, value] of Object.entries(typed)) fields.set(name, value)
  return bodyOf(fields)
}

/** Encodes fields like a browser. `{n}` and the like are kept. */
export function bodyOf(fields: URLSearchParams): string {
  return fields.toString().replaceAll('%7B', '{').replaceAll('%7D', '}')
}
