/* A person with a few browsers and one account, who remembers the site's responses and the requests without one. */
import { type Page, Visitor } from '../../support/helpers.js'
import type { TestMailServer } from '../../support/mail-server.js'
import type { Random } from '../../support/random.js'
import type { Account } from './account.js'
import * as accounts from './account.js'

const MOST_CHANGES = 30

/** A browser with its last session cookie, and the one that has ended. */
export class Device implements accounts.Device {
  readonly visitor: Visitor
  cookie = ''
  endedCookie = ''

  constructor(
    readonly address: string,
    readonly number: number,
  ) {
    this.visitor = new Visitor(address)
  }

  take(page: Page): Page {
    const [cookie = ''] = page.sessionCookie.split(';')
    if (cookie !== '') this.cookie = cookie
    return page
  }
}

/** The site responded unexpectedly. */
export class Unforeseen extends Error {
  override readonly name = 'Unforeseen'
}

/** The site responded with 503: nothing is acknowledged, whatever was stored. */
export class TurnedAway extends Error {
  override readonly name = 'TurnedAway'
}

export interface World {
  address: string
  mailServer: TestMailServer
  random: Random
}

export class Person {
  /** The acknowledged account; undefined before there is one. */
  account: Account | undefined
  /** The states, step by step, of a change without a response. */
  steps: readonly Account[] = []
  /** Passwords that no longer work. */
  readonly formerPasswords: string[] = []
  readonly devices: readonly [Device, Device]
  changes = 0
  /** How many of them got a response. */
  acknowledged = 0
  /** Whether a change was interrupted, so that the cookies of its response are unknown. */
  isUncertain = false

  constructor(
    readonly id: string,
    readonly world: World,
  ) {
    this.devices = [new Device(world.address, 0), new Device(world.address, 1)]
  }

  get isDone(): boolean {
    return (this.account?.isClosed === true && this.world.random.next() < 0.5) || this.changes > MOST_CHANGES
  }

  newDevice(): Device {
    return new Device(this.world.address, this.changes)
  }

  /** Sets the outcome of the interrupted change, which is now known. */
  settle(account: Account | undefined): void {
    const former = this.account?.password
    if (former !== undefined && former !== account?.password) this.formerPasswords.push(former)
    this.account = account
    this.steps = []
    this.isUncertain = true
  }

  /** Does a random action. Throws the connection's error if the site is gone. */
  async act(): Promise<void> {
    const { random } = this.world
    const [first, second] = this.devices
    const { account } = this
    if (account === undefined) return this.signUp(first)
    if (!account.events.includes('logged_in')) return this.logIn(first)
    const inside = this.devices.filter((device) => account.inside.includes(device))
    const outside = account.inside.includes(first) ? second : first
    if (inside.length === 0) return this.logIn(outside)
    const device = random.pick(inside)
    const dice = random.next()
    if (dice < 0.2 && inside.length === 1) return this.logIn(outside)
    if (dice < 0.3 && inside.length === 1) return this.failToLogIn(outside)
    if (dice < 0.5) return this.changePassword(device)
    if (dice < 0.6) return this.changeName(device)
    if (dice < 0.8) return this.changeEmail(device)
    if (dice < 0.95) return this.logOut(device)
    return this.close(device)
  }

  async signUp(device: Device): Promise<void> {
    const made = { name: this.id, email: `${this.id}@example.com`, password: `first of ${this.id}!` }
    const page = await opened(device, '/signup/')
    const { name, email, password } = made
    await this.#change(device, [accounts.signedUp(device, made)], () =>
      device.visitor.send(page, { username: name, email, password, repassword: password }),
    )
  }

  async logIn(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const page = await opened(device, '/login/')
    await this.#change(device, accounts.loggedIn(account, device), () =>
      device.visitor.send(page, { username: account.name, password: account.password, keep: 'on' }),
    )
  }

  /** Tries a wrong or an old password. */
  async failToLogIn(device: Device): Promise<void> {
    const [password = 'never a right one'] = this.formerPasswords.slice(-1)
    const page = await opened(device, '/login/')
    const { status } = await device.visitor.send(page, { username: this.account?.name, password })
    if (status === 503) throw new TurnedAway()
    if (status !== 406) throw new Unforeseen(`${this.id} logs in by a password that is not right (${status})`)
  }

  async logOut(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const page = await opened(device, '/logout/')
    await this.#change(device, [accounts.loggedOut(account, device)], () => device.visitor.send(page))
  }

  async changePassword(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const former = account.password
    const password = `number ${this.changes} of ${this.id}!`
    const page = await opened(device, '/account/password/')
    await this.#change(device, [accounts.withPassword(account, device, password)], () =>
      device.visitor.send(page, { current: former, password, repassword: password }),
    )
    this.formerPasswords.push(former)
  }

  async changeName(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const name = `${this.id} ${this.changes}`
    const page = await opened(device, '/account/name/')
    await this.#change(device, [accounts.withName(account, name)], () =>
      device.visitor.send(page, { username: name }),
    )
  }

  /** Requests an email change, or opens the link in its email. */
  async changeEmail(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const link = linkFor(account, this.world.mailServer)
    if (link !== undefined) return this.#confirmEmail(device, account, link)
    const email = `${this.id}-${this.changes}@example.com`
    const page = await opened(device, '/account/email/')
    await this.#change(device, [accounts.askedForEmail(account, email)], () =>
      device.visitor.send(page, { email }, '/account/email/verify/'),
    )
  }

  async #confirmEmail(device: Device, account: Account, link: string): Promise<void> {
    const page = await device.visitor.follow({ link })
    await this.#change(device, [accounts.withNextEmail(account)], () => device.visitor.send(page))
  }

  async close(device: Device): Promise<void> {
    const { account } = this
    if (account === undefined) return
    const page = await opened(device, '/account/close/')
    await this.#change(device, [accounts.closed(account, device)], () => device.visitor.send(page))
  }

  async #change(device: Device, steps: readonly Account[], send: () => Promise<Page>): Promise<void> {
    this.steps = steps
    this.changes++
    const before = device.cookie
    const page = device.take(await send())
    if (page.status === 503) throw new TurnedAway()
    if (page.status !== 303) {
      throw new Unforeseen(`${this.id} gets ${page.status}: ${page.messages().join(' ') || page.text}`)
    }
    const wasInside = this.account?.inside ?? []
    this.acknowledged++
    this.account = steps.at(-1)
    this.steps = []
    for (const one of this.devices) {
      const isEnded = wasInside.includes(one) && this.account?.inside.includes(one) === false
      if (isEnded) one.endedCookie = one === device ? before : one.cookie
    }
  }
}

async function opened({ visitor }: Device, path: string): Promise<Page> {
  const page = await visitor.open(path)
  if (page.status === 503) throw new TurnedAway()
  return page
}

function linkFor({ nextEmail }: Account, { received }: TestMailServer): string | undefined {
  const mail = nextEmail === null ? undefined : received.findLast(({ to }) => to.includes(nextEmail))
  return /\/account\/email\/confirm\/link\/[^/]+\//.exec(mail?.mail.text ?? '')?.[0]
}
