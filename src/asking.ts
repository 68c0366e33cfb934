import type { Context } from 'koa'
import { loginKeyOf } from './fields.js'
import type { House } from './house.js'
import type { Counted } from './limits.js'
import type { MailKind } from './outbox.js'
import { networkOf } from './web/network.js'

/** A mail that a request causes, by what may not be caused too often. */
export interface Asked {
  kind: MailKind
  /** Whose account it is about, where that is known. */
  userId?: string
  /** Where it goes, or by which name it was asked for; as typed. */
  address: string
}

/** Counts a mail before it is written: for the account, for the address, and for the network. Throws `LimitReached`. */
export async function countMail(ctx: Context, house: House, asked: Asked): Promise<void> {
  await house.limits.take(countedFor(ctx, house, asked))
}

/** What is counted for a mail, for those who count other things with it. */
export function countedFor(ctx: Context, house: House, { kind, userId, address }: Asked): Counted[] {
  if (!house.outbox.isOn) return []
  return [
    ...(userId === undefined ? [] : [{ rule: 'mailAccount', of: `${kind} of ${userId}` } as const]),
    { rule: 'mailAddress', of: `${kind} to ${loginKeyOf(address)}` },
    { rule: 'mailNetwork', of: networkOf(house.address(ctx)) },
  ]
}
