import { createServer, type RequestListener, type Server } from 'node:http'
import * as cheerio from 'cheerio'
import { pino } from 'pino'
import supertest from 'supertest'
import { type AccountsOptions, readConfig } from '../../src/index.js'
import { createSite } from '../../src/standalone.js'
import { Clock, cheapHashes, Mailbox, type ReadMail, until } from '../../src/testing.js'
import { migratedDatabase, rows, settingsFor, write } from './databases.js'

export { Clock, cheapHashes as CHEAP, until } from '../../src/testing.js'
export { freshDatabase, migratedDatabase } from './databases.js'

export const PASSWORD = 'correct horse 42'

interface SiteSettings {
  environment?: Record<string, string>
  /** Its host name. Passkeys need `localhost`. */
  host?: 'localhost' | '127.0.0.1'
}

/**
 * The whole runnable site in this process, on a free port with its own database. The test receives its emails, unless it
 * sets another option.
 */
export class Site {
  readonly logs: string[] = []
  readonly clock = new Clock()
  readonly database: string
  readonly #mailbox = new Mailbox()
  readonly #host: string
  #server: Server | undefined
  #onClosed: (() => Promise<void>) | undefined

  private constructor(database: string, host: string) {
    this.database = database
    this.#host = host
  }

  static async start({
    environment = {},
    database,
    host = '127.0.0.1',
    ...options
  }: Partial<AccountsOptions> & SiteSettings = {}): Promise<Site> {
    const site = new Site(addressIn(database) ?? (await migratedDatabase()), host)
    let respond: RequestListener = (_, response) => void response.writeHead(503).end()
    const server = createServer((request, response) => respond(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    site.#server = server
    const config = readConfig({ NODE_ENV: 'test', ...settingsFor(site.database), ...environment })
    const takesMails = config.mail === 'caught' && options.mail === undefined && !config.development
    const log = pino({ level: 'debug' }, { write: (line: string) => void site.logs.push(line) })
    const { app, onClosed } = await createSite(config, {
      passwordCosts: cheapHashes,
      now: site.clock.now,
      log,
      ...(takesMails && { mail: site.#mailbox }),
      // Links in emails begin with it, and passkeys belong to it.
      ...((takesMails || host === 'localhost') && { baseUrl: config.baseUrl ?? site.address }),
      ...options,
    })
    respond = app.callback()
    site.#onClosed = onClosed
    return site
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('The site was not started.')
    return this.#server
  }

  get address(): string {
    const address = this.server.address()
    if (address === null || typeof address === 'string') throw new Error('The site does not listen.')
    return `http://${this.#host}:${address.port}`
  }

  visitor(options?: VisitorOptions): Visitor {
    return new Visitor(this.server, options)
  }

  /** Returns the emails to an address, or to all, oldest first. Waits for that many, or for 0 until none is being sent. */
  async mails(to?: string, count = 1): Promise<Mail[]> {
    if (count === 0) await this.allSent()
    return (await this.#mailbox.waitFor(to, count)).map(asRead)
  }

  /** Waits for an email to an address, or to any, that matches. */
  async mailThat(to: string | undefined, isIt: (mail: Mail) => boolean): Promise<Mail> {
    const found = () => this.#mailbox.mails(to).map(asRead).find(isIt)
    await until(() => found() !== undefined, `such a mail for ${to}`)
    return found() as Mail
  }

  /** Waits for the email to an address, and checks that there is only one. */
  async mail(to?: string): Promise<Mail> {
    const [mail, ...others] = await this.mails(to)
    if (mail === undefined || others.length > 0)
      throw new Error(`There should be one mail for ${to}, not ${others.length + 1}.`)
    return mail
  }

  /** Waits until every email so far was sent. */
  async allSent(): Promise<void> {
    // Others are to be sent later.
    const waiting = () =>
      this.rows("select 1 from mails where state = 'waiting' and created_at <= ?", this.clock.time)
    await until(async () => (await waiting()).length === 0, 'no mail waits')
  }

  /** Waits until a user's use of a session just now is stored, because no page waits for that. */
  async useStored(name: string): Promise<void> {
    const stored = () =>
      this.rows(
        'select 1 from sessions join users on users.id = user_id where users.name = ? and last_seen_at = ?',
        name,
        this.clock.time,
      )
    await until(async () => (await stored()).length > 0, `use by ${name} is stored`)
  }

  /** Drops all emails so far, once they have arrived. */
  async emptyMailbox(): Promise<void> {
    await this.allSent()
    await this.write('delete from mails')
    this.#mailbox.empty()
  }

  /** Reads the database directly. `?` is a parameter. */
  rows<Row>(sql: string, ...parameters: unknown[]): Promise<Row[]> {
    return rows(this.database, sql, ...parameters)
  }

  /** Changes the database directly. */
  write(sql: string): Promise<void> {
    return write(this.database, sql)
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
    await this.#onClosed?.()
  }
}

// Tests read the database directly, so they need its URL.
function addressIn(database: AccountsOptions['database'] | undefined): string | undefined {
  if (typeof database === 'object') throw new Error('The sites of tests take the address of a database.')
  return database
}

/** An email as its reader sees it. */
export interface Mail {
  to: string
  subject: string
  text: string
  html: string
  /** The path of its only link. */
  link: string
  /** The 8 digits to enter, or ''. */
  code: string
}

export function asRead({ links, codes, ...mail }: ReadMail): Mail {
  const [[link, ...otherLinks], [code = '', ...otherCodes]] = [links, codes]
  if (link === undefined || otherLinks.length > 0) throw new Error(`A mail has one link:\n${mail.text}`)
  if (otherCodes.length > 0) throw new Error(`A mail has one code:\n${mail.text}`)
  return { ...mail, link, code }
}

export interface VisitorOptions {
  /** Whether the browser runs JavaScript, and so htmx. */
  htmx?: boolean
}

/** A person with a browser, who opens pages, fills in their forms and keeps cookies. */
export class Visitor {
  readonly agent: ReturnType<typeof supertest.agent>
  readonly htmx: boolean
  readonly #server: Server | string

  /** `server` runs in this process, or is the URL of another. */
  constructor(server: Server | string, { htmx = false }: VisitorOptions = {}) {
    this.#server = server
    this.agent = supertest.agent(server)
    this.htmx = htmx
  }

  async open(path: string, headers: Record<string, string> = {}): Promise<Page> {
    return new Page(await this.agent.get(path).set(headers))
  }

  /** Opens the link of an email, and follows it to the URL without the token. */
  async follow({ link }: Pick<Mail, 'link'>): Promise<Page> {
    const opened = await this.agent.get(link)
    if (opened.status !== 303) throw new Error(`The link leads nowhere (${opened.status}): ${link}`)
    return this.open(opened.headers.location ?? '')
  }

  /** Sends the page's form, or the one with this action, with the typed values. */
  async send(page: Page, typed: Record<string, string | undefined> = {}, to?: string): Promise<Page> {
    const form = page.$(to === undefined ? 'main form' : `form[action="${to}"]`).first()
    const action = form.attr('action')
    if (action === undefined) throw new Error(`There is no such form on this page:\n${page.text}`)
    const fields = new URLSearchParams(form.serialize())
    for (const [name, value] of Object.entries(typed)) {
      if (value === undefined) fields.delete(name)
      else fields.set(name, value)
    }
    return this.post(action, fields.toString())
  }

  async post(path: string, body: string, headers: Record<string, string> = {}): Promise<Page> {
    const request = this.agent
      .post(path)
      .type('application/x-www-form-urlencoded')
      .set(this.htmx ? { 'HX-Request': 'true' } : {})
      .set(headers)
    return new Page(await request.send(body))
  }

  async signUp(username: string, typed: Record<string, string> = {}): Promise<Page> {
    const page = await this.open('/signup/')
    return this.send(page, {
      username,
      email: `${encodeURIComponent(username).replaceAll('%', '')}@example.com`,
      password: PASSWORD,
      repassword: PASSWORD,
      ...typed,
    })
  }

  async logIn(username: string, typed: Record<string, string> = {}): Promise<Page> {
    return this.send(await this.open('/login/'), { username, password: PASSWORD, ...typed })
  }

  /** Enters the password that a response asks for, with forms that htmx leaves to the browser, and opens the next page. */
  async confirm(asked: Page): Promise<Page> {
    const browser = Object.assign(new Visitor(this.#server), { agent: this.agent })
    const form = asked.isWhole ? asked : await browser.send(asked, {}, '/password/confirm/verify/')
    const right = await browser.send(form, { password: PASSWORD })
    return browser.open(right.headers.location ?? '')
  }

  /** Signs up and logs in. */
  async settle(username: string): Promise<this> {
    await this.signUp(username)
    const page = await this.logIn(username)
    if (page.messages().some((message) => message.startsWith('⚠'))) throw new Error(page.text)
    return this
  }
}

/** Returns a page as a browser with passkeys shows it. */
export function withPasskeyParts(html: string): string {
  return html.replaceAll(
    /<script type="text\/html" data-passkey-part>(.*?)<\/script>/gs,
    '<div data-passkey-part>$1</div>',
  )
}

/** A response as its reader sees it. */
export class Page {
  readonly status: number
  readonly headers: Record<string, string>
  readonly cookies: string[]
  readonly text: string
  #parsed: cheerio.CheerioAPI | undefined

  constructor(response: supertest.Response) {
    this.status = response.status
    this.headers = response.headers
    this.cookies = [response.headers['set-cookie'] ?? []].flat()
    this.text = response.text ?? ''
  }

  /** As a browser with passkeys shows it. */
  get $(): cheerio.CheerioAPI {
    this.#parsed ??= cheerio.load(withPasskeyParts(this.text))
    return this.#parsed
  }

  /** All cookies of the response, as a browser sends them back. */
  get cookieHeader(): string {
    return this.cookies.map((cookie) => cookie.split(';', 1)[0]).join('; ')
  }

  /** The session cookie of the response with its attributes, or ''. */
  get sessionCookie(): string {
    return this.cookies.find((cookie) => /^(?:__Host-)?gatehouse=/.test(cookie)) ?? ''
  }

  get isWhole(): boolean {
    return this.text.includes('<!doctype html>')
  }

  get title(): string {
    return this.$('title').text()
  }

  /** Returns the texts in the message box: one for each error, or the success. */
  messages(): string[] {
    return this.$('.error li, .success > p:first-child')
      .toArray()
      .map((element) => this.$(element).text().replaceAll(/\s+/g, ' ').trim())
  }

  /** Where htmx continues by itself; undefined if it stays. */
  get onward(): string | undefined {
    const address = this.$('.success [data-hx-trigger^=load]').attr('data-hx-get')
    return new URLSearchParams(address?.split('?')[1]).get('to') ?? undefined
  }

  /** Returns the error at a field. */
  fieldError(name: string): string {
    return this.$(`#${name}-error`).text().trim()
  }

  value(name: string): string | undefined {
    return this.$(`[name="${name}"]`).attr('value')
  }
}
