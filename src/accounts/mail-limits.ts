import type { Context } from 'koa'
import type { Facts, MailKind } from '../mail/outbox.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { afterwards } from '../web/disconnect.js'
import { networkOf } from '../web/network.js'
import { askingBrowser } from './codes.js'
import { loginKeyOf } from './fields.js'
import type { Counted } from './limits.js'
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
export async function countMail(ctx: Context, gatehouse: Gatehouse, asked: Asked): Promise<void> {
  await takePlaces(ctx, gatehouse, countedFor(ctx, gatehouse, asked))
}

/** What is counted for a mail, for those who count other things with it. */
export function countedFor(ctx: Context, gatehouse: Gatehouse, { kind, userId, address }: Asked): Counted[] {
  if (!gatehouse.outbox.isOn) return []
  return [
    ...(userId === undefined ? [] : [{ rule: 'mailAccount', of: `${kind} of ${userId}` } as const]),
    { rule: 'mailAddress', of: `${kind} to ${loginKeyOf(address)}` },
    { rule: 'mailNetwork', of: networkOf(gatehouse.address(ctx)) },
  ]
}

/** What a mail tells of its asking: in which language to write, and in which browser its code works. */
export function factsOfAsking(ctx: Context, gatehouse: Gatehouse): Facts {
  return { language: gatehouse.languageOf(ctx), askedIn: askingBrowser(ctx, gatehouse) }
}

/**
 * Counts for the network that a form is about to be told whether a name or an address is in use, whatever else is wrong
 * with it. Throws `LimitReached`.
 */
export async function countTaken(ctx: Context, gatehouse: Gatehouse): Promise<void> {
  await takePlaces(ctx, gatehouse, [{ rule: 'takenNetwork', of: networkOf(gatehouse.address(ctx)) }])
}

/** With private addresses nobody may see by when a mail is worked on whether its address is somebody's. */
export function unseen(ctx: Context, { rules }: Gatehouse): { after?: Promise<void> } {
  return rules.privateEmails ? { after: afterwards(ctx) } : {}
}
