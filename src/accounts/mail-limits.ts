import type { Draft, Facts, MailKind } from '../mail/outbox.js'
import type { User } from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { upcomingConfirmationAt } from './confirmation-rule.js'
import { loginKeyOf } from './fields.js'
import type { Counted } from './limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

export interface RequestedMail {
  kind: MailKind
  userId?: string
  address: string | null
}

export async function countMail(origin: Origin, registry: Registry, asked: RequestedMail): Promise<void> {
  await countAgainstLimits(origin, registry, countedFor(origin, registry, asked))
}

export function countedFor(
  origin: Origin,
  registry: Registry,
  { kind, userId, address }: RequestedMail,
): Counted[] {
  if (!registry.outbox.isOn || address === null) return []
  return [
    ...(userId === undefined ? [] : [{ rule: 'mailAccount', of: `${kind} of ${userId}` } as const]),
    { rule: 'mailAddress', of: `${kind} to ${loginKeyOf(address)}` },
    { rule: 'mailNetwork', of: networkOf(origin.address) },
  ]
}

export async function countedNotice(
  origin: Origin,
  registry: Registry,
  { id: userId, email: to }: User,
  { kind, rule }: { kind: MailKind; rule: Counted['rule'] },
): Promise<Draft> {
  // Not the limits of emails, with which others in the network could block the change.
  await countAgainstLimits(origin, registry, [{ rule, of: `${kind} of ${userId}` }])
  return { kind, userId, facts: { to, ...circumstancesOf(origin, registry) } }
}

export function factsOfAsking(origin: Origin): Facts {
  const askedIn = origin.visit?.ensureCodeBrowser()
  return { ...languageOf(origin), ...(askedIn !== undefined && { askedIn }) }
}

/** `neededAt`: when the user can no longer log in without it. */
export function factsOfConfirming(origin: Origin, registry: Registry, user: User): Facts {
  const neededAt = upcomingConfirmationAt(registry, user)
  return { ...factsOfAsking(origin), ...(neededAt !== undefined && { neededAt }) }
}

export function languageOf({ language }: Origin): Facts {
  return language === undefined ? {} : { language }
}

export async function countLookup(origin: Origin, registry: Registry): Promise<void> {
  await countAgainstLimits(origin, registry, [{ rule: 'takenNetwork', of: networkOf(origin.address) }])
}

// With private emails, the time of sending must not reveal whether an address has an account.
export function afterResponse({ visit }: Origin, { rules }: Registry): { after?: Promise<void> } {
  return rules.privateEmails && visit ? { after: visit.afterwards() } : {}
}
