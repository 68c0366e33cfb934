import { Visitor } from '../../support/helpers.js'
import type { Account } from './account.js'
import { type Device, Person, TurnedAway, Unforeseen, type World } from './person.js'
import { find, type Stored } from './stored.js'

/** Plays one person after another, until the site is gone. */
export class Client {
  readonly people: Person[] = []
  /** Changes without a response when the site was killed, and how many of them were stored. */
  cutOff = 0
  cutOffDone = 0
  #current: Person | undefined

  constructor(
    readonly number: number,
    readonly world: World,
  ) {}

  async liveUntilGone(isGone: () => boolean): Promise<void> {
    while (!isGone()) {
      this.#current ??= this.#newcomer()
      try {
        await this.#current.act()
      } catch (error) {
        // A killed process sends no response, or half a page.
        if (isGone() && !(error instanceof Unforeseen)) return
        if (!(error instanceof TurnedAway)) throw error
        this.#current = undefined
      }
      if (this.#current?.isDone) this.#current = undefined
    }
  }

  #newcomer(): Person {
    const person = new Person(`p${this.number}-${this.people.length}`, this.world)
    this.people.push(person)
    return person
  }

  /** Returns what differs from the responses, and determines whether an interrupted change was stored. */
  async problems(stored: ReadonlyMap<string, Stored>): Promise<string[]> {
    const problems: string[] = []
    for (const person of this.people) {
      const finding = await find(person, stored)
      if (finding.isRight) this.#settle(person, finding.account)
      else problems.push(finding.problem)
    }
    return problems
  }

  #settle(person: Person, account: Account | undefined): void {
    if (person.steps.length === 0) return
    this.cutOff++
    if (account !== person.account) this.cutOffDone++
    person.settle(account)
    // The received cookies are unknown, so another person continues.
    this.#current = undefined
  }

  /** Returns what is wrong when the last round's person uses the site again, on old and new devices. */
  async comeBack(): Promise<string[]> {
    const person = this.people.at(-1)
    if (person === undefined) return []
    try {
      if (person.account === undefined) await person.signUp(person.devices[0])
      const problems = []
      for (const device of person.devices) problems.push(...(await deviceProblems(person, device)))
      if (person.formerPasswords.length > 0) await person.failToLogIn(person.newDevice())
      const [first] = person.devices
      const isNew = person.account?.events.includes('logged_in') === true || person.isUncertain
      await person.logIn(isNew ? person.newDevice() : first)
      return problems
    } catch (error) {
      if (!(error instanceof TurnedAway)) throw error
      // The machine may be too busy right after the start. What was stored is determined after the next kill, so this person
      // must not change anything before.
      this.#current = undefined
      return []
    }
  }
}

async function deviceProblems({ id, account, isUncertain }: Person, device: Device): Promise<string[]> {
  const isInside = account?.inside.includes(device) === true
  const living = isInside && !isUncertain ? await statusWith(device, device.cookie) : 200
  const ended = device.endedCookie === '' ? 303 : await statusWith(device, device.endedCookie)
  return [
    ...(living === 200 ? [] : [`${id} is logged in on device ${device.number}, and gets ${living}`]),
    ...(ended === 303 ? [] : [`A cookie of ${id} that has ended gets ${ended}`]),
  ]
}

async function statusWith({ address }: Device, cookie: string): Promise<number> {
  const { status } = await new Visitor(address).open('/account/', { cookie })
  if (status === 503) throw new TurnedAway()
  return status
}
