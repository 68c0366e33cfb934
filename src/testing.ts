import { mkdtempSync, rmSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Koa from 'koa'
import {
  type Accounts,
  type AccountsOptions,
  createLog,
  logIn,
  type OutgoingMail,
  type PasswordCosts,
  type StoredUser,
  type Transport,
} from './index.js'

/** Argon2id at costs too low to slow down a test. Never use them in production: the hashes protect nothing. */
export const cheapHashes: PasswordCosts = { memoryCost: 64, timeCost: 1, parallelism: 1 }

/** A clock that stands still until you advance it, for the option `now`. */
export class Clock {
  /** UTC milliseconds; 2026-01-01 at first. */
  time = Date.UTC(2026, 0, 1)
  readonly now = (): number => this.time

  advance(milliseconds: number): void {
    this.time += milliseconds
  }
}

export interface ReadMail {
  to: string
  subject: string
  text: string
  html: string
  /** Paths of the links in its text, with queries. */
  links: string[]
  /** Codes of 8 digits in its text. */
  codes: string[]
}

/** Keeps emails in memory, for the option `mail`. They arrive in the background, so use `waitFor`. */
export class Mailbox implements Transport {
  readonly #sent: OutgoingMail[] = []

  async send(mail: OutgoingMail): Promise<void> {
    this.#sent.push(mail)
  }

  /** Returns the emails to an address, or all of them, oldest first. */
  mails(to?: string): ReadMail[] {
    const found = this.#sent.filter((mail) => to === undefined || mail.to === to)
    return found.sort(byAge).map(read)
  }

  /** Waits until there are `count` emails, and returns all. Throws after 30 seconds. */
  async waitFor(to: string | undefined, count = 1): Promise<ReadMail[]> {
    await until(() => this.mails(to).length >= count, `${count} emails to ${to ?? 'anyone'}`)
    return this.mails(to)
  }

  empty(): void {
    this.#sent.length = 0
  }
}

function byAge(one: OutgoingMail, other: OutgoingMail): number {
  return one.date.valueOf() - other.date.valueOf() || (one.messageId < other.messageId ? -1 : 1)
}

function read({ to, subject, text, html }: OutgoingMail): ReadMail {
  const links = [...text.matchAll(/^https?:\/\/[^/\s]+(\/\S*)$/gm)].map(([, path = '']) => path)
  const codes = [...(text.replaceAll(/https?:\S+/g, '').match(/\b\d{8}\b/g) ?? [])]
  return { to, subject, text, html, links, codes }
}

const TIMEOUT = 30_000

/** Waits until `isDone` returns true. Throws after 30 seconds, with `what` in the message. */
export async function until(
  isDone: () => boolean | Promise<boolean>,
  what = `${isDone}`,
  timeout = TIMEOUT,
): Promise<void> {
  const end = performance.now() + timeout
  while (!(await isDone())) {
    if (performance.now() > end) throw new Error(`Timed out after ${timeout / 1000} s: ${what}`)
    await pause(10)
  }
}

export interface TestKit {
  /** For `accounts()`; add your own. The database is deleted when the process ends. */
  options: AccountsOptions
  mailbox: Mailbox
  clock: Clock
}

/** Returns options for `accounts()` in a test: a fresh SQLite file, emails in memory, cheap hashes, no rate limits. */
export function testKit(): TestKit {
  const [mailbox, clock] = [new Mailbox(), new Clock()]
  const options: AccountsOptions = {
    database: `sqlite:${join(temporaryFolder(), 'test.sqlite')}`,
    baseUrl: 'http://localhost',
    mail: mailbox,
    now: clock.now,
    passwordCosts: cheapHashes,
    limits: 'off',
    log: createLog('silent'),
  }
  return { options, mailbox, clock }
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface LoggedIn {
  user: StoredUser
  password: string
  /** The header `Cookie` of a browser in which the user is logged in. */
  cookie: string
}

const PASSWORD = 'correct horse 42'

/** Creates a user with a confirmed email address, `<name>@example.com`, who is logged in. Throws if the name is refused. */
export async function loggedIn(gatehouse: Accounts, name = 'Anna'): Promise<LoggedIn> {
  const email = `${name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}@example.com`
  const made = await gatehouse.accounts.create({ name, email, password: PASSWORD, confirmed: true })
  if (!made.ok)
    throw new Error(`${name} cannot be created: ${made.errors.map(({ code }) => code).join(', ')}`)
  return { user: made.user, password: PASSWORD, cookie: await cookieOf(gatehouse, made.user) }
}

/** Logs a user in and returns the header `Cookie`. Throws if a step of the login is missing. */
export async function cookieOf(gatehouse: Accounts, user: { id: string }): Promise<string> {
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { method: 'GET', url: '/', headers: { host: 'localhost' } })
  const response = new ServerResponse(request)
  const ctx = new Koa().createContext(request, response)
  ctx.session = {}
  await gatehouse(ctx, async () => {
    const login = await logIn(ctx, user)
    if (!login?.isDone)
      throw new Error('The user cannot be logged in: a step is missing, or nobody may log in.')
  })
  const cookies = [response.getHeader('set-cookie') ?? []].flat()
  return cookies.map((cookie) => String(cookie).split(';', 1)[0]).join('; ')
}
