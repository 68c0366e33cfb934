import type { Facts, MailKind } from '../mail/outbox.js'
import { networkOf } from '../web/network.js'
import { loginKeyOf } from './fields.js'
import type { Counted } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { takePlaces } from './security-log.js'

/** A mail that a request causes, by what may not be caused too often. */
export interface Asked {
  kind: MailKind
  /** Whose account it is about, where that is known. */
  userId?: string
  /** Where it goes, or by which name it was asked for; as typed. */
  address: string
}

/** Counts a mail before it is written: for the account, for the address, and for the network. Throws `LimitReached`. */
export async function countMail(origin: Origin, registry: Registry, asked: Asked): Promise<void> {
  await takePlaces(origin, registry, countedFor(origin, registry, asked))
}

/** What is counted for a mail, for those who count other things with it. */
export function countedFor(origin: Origin, registry: Registry, { kind, userId, address }: Asked): Counted[] {
  if (!registry.outbox.isOn) return []
  return [
    ...(userId === undefined ? [] : [{ rule: 'mailAccount', of: `${kind} of ${userId}` } as const]),
    { rule: 'mailAddress', of: `${kind} to ${loginKeyOf(address)}` },
    { rule: 'mailNetwork', of: networkOf(origin.address) },
  ]
}

/** What a mail tells of its asking: in which language to write, and in which browser its code works. */
export function factsOfAsking(origin: Origin): Facts {
  const askedIn = origin.visit?.askingBrowser()
  return { ...languageOf(origin), ...(askedIn !== undefined && { askedIn }) }
}

/** The language of whoever asks for a mail, as a fact of it. */
export function languageOf({ language }: Origin): Facts {
  return language === undefined ? {} : { language }
}

/**
 * Counts for the network that a form is about to be told whether a name or an address is in use, whatever else is wrong
 * with it. Throws `LimitReached`.
 */
export async function countTaken(origin: Origin, registry: Registry): Promise<void> {
  await takePlaces(origin, registry, [{ rule: 'takenNetwork', of: networkOf(origin.address) }])
}

/** With private addresses nobody may see by when a mail is worked on whether its address is somebody's. */
export function unseen({ visit }: Origin, { rules }: Registry): { after?: Promise<void> } {
  return rules.privateEmails && visit ? { after: visit.afterwards() } : {}
}
