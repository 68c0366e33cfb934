import type { Facts } from '../mail/outbox.js'
import type { Actor } from '../tables/events.js'
import type { Account } from '../tables/users.js'
import { deviceWords } from '../web/user-agent.js'

/** Who does something to an account, and from where. A request, a command, a host and the sweep can each make one. */
export interface Origin {
  by: Actor
  /** IPv4 or IPv6; '' if there is none. */
  address: string
  /** As the browser sent it; '' if there is none. */
  userAgent: string
  /** In which whoever does it reads; undefined if that is not known. */
  language?: string
  /** What only a visitor's request can tell. */
  visit?: Visit
}

/** What verbs need to know of the request behind an origin, beside what they store of it. */
export interface Visit {
  /** The number of the request in the log. */
  requestId: string
  /** The id by which this browser's tries are counted apart, if it has logged in to the account before. */
  deviceOf(account: Account | undefined): string | undefined
  /** Throws if the visitor went away before being answered: work that only they wait for need not be done. */
  refuseIfLeft(): void
  /** Resolves a random time after the request was answered. */
  afterwards(): Promise<void>
  /** What binds a mailed code to the browser that asks for it now. */
  askingBrowser(): string
  /** The same for a browser that has asked for a code before; undefined if it has not. */
  askedBrowser(): string | undefined
}

/** Of Gatehouse itself, when nobody asked for it. */
export const SYSTEM: Origin = { by: 'system', address: '', userAgent: '' }

/** What a notice tells of what was done: when, on which device, and from where. */
export function circumstancesOf(origin: Origin, { now }: { now: () => number }): Facts {
  const { address, language } = origin
  const { browser = '', system = '' } = deviceOf(origin)
  return { at: now(), browser, system, address, ...(language !== undefined && { language }) }
}

function deviceOf({ by, userAgent }: Origin): { browser?: string | undefined; system?: string | undefined } {
  return by.startsWith('cli:') ? { browser: by.replace('cli:', 'gatehouse ') } : deviceWords(userAgent)
}
