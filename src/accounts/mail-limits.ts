import type { Facts, MailKind } from '../mail/outbox.js'
import { networkOf } from '../web/network.js'
import { loginKeyOf } from './fields.js'
import type { Counted } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { takePlaces } from './security-log.js'

export interface Asked {
  kind: MailKind
  userId?: string
  address: string
}

export async function countMail(origin: Origin, registry: Registry, asked: Asked): Promise<void> {
  await takePlaces(origin, registry, countedFor(origin, registry, asked))
}

export function countedFor(origin: Origin, registry: Registry, { kind, userId, address }: Asked): Counted[] {
  if (!registry.outbox.isOn) return []
  return [
    ...(userId === undefined ? [] : [{ rule: 'mailAccount', of: `${kind} of ${userId}` } as const]),
    { rule: 'mailAddress', of: `${kind} to ${loginKeyOf(address)}` },
    { rule: 'mailNetwork', of: networkOf(origin.address) },
  ]
}

export function factsOfAsking(origin: Origin): Facts {
  const askedIn = origin.visit?.askingBrowser()
  return { ...languageOf(origin), ...(askedIn !== undefined && { askedIn }) }
}

export function languageOf({ language }: Origin): Facts {
  return language === undefined ? {} : { language }
}

export async function countTaken(origin: Origin, registry: Registry): Promise<void> {
  await takePlaces(origin, registry, [{ rule: 'takenNetwork', of: networkOf(origin.address) }])
}

// With private emails, the time of sending must not reveal whether an address has an account.
export function unseen({ visit }: Origin, { rules }: Registry): { after?: Promise<void> } {
  return rules.privateEmails && visit ? { after: visit.afterwards() } : {}
}
