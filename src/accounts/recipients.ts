import type { Facts, MailKind } from '../mail/outbox.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { emailKeyOf, loginKeyOf } from './fields.js'

/** To whom a mail goes. The worker asks, so that an answer takes as long whether there is somebody or not. */
export type FindRecipient = (db: Db, facts: Facts, userId: string | null) => Promise<Recipient | undefined>

export interface Recipient {
  account: users.Account
  to: string
  /** It is another mail after all. */
  kind?: MailKind
}

/** Notices go to the address that the account had when it happened. */
export async function told(db: Db, { to }: Facts, userId: string | null): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(db, userId)
  return account && { account, to: String(to) }
}

/** Somebody else's address, which was typed by mistake, never was the account's: they are not told again. */
export async function formerly(db: Db, facts: Facts, userId: string | null): Promise<Recipient | undefined> {
  const found = await told(db, facts, userId)
  return found && (await ownerOf(db, found.to, found.account)) === undefined ? found : undefined
}

export async function owner(db: Db, _: Facts, userId: string | null): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(db, userId)
  return account && { account, to: account.user.email }
}

export async function unconfirmed(
  db: Db,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await owner(db, facts, userId)
  if (found === undefined || found.account.user.emailConfirmedAt !== null) return undefined
  if (isDisabled(found.account)) return undefined
  return (await ownerOf(db, found.to, found.account)) ?? found
}

/** It goes to the stored address, never to what was typed. */
export async function asked(db: Db, facts: Facts, userId: string | null): Promise<Recipient | undefined> {
  const typed = loginKeyOf(String(facts.username ?? ''))
  const account = await (userId === null ? byTyped(db, typed) : users.byId(db, userId))
  if (account === undefined || isDisabled(account)) return undefined
  const { email } = account.user
  // With private addresses an account that is not confirmed may only say that the address is its own.
  const isForeign =
    account.user.emailConfirmedAt === null && (await ownerOf(db, email, account)) !== undefined
  return isForeign ? undefined : { account, to: email }
}

/**
 * With private addresses one that is not confirmed is nobody's yet, and by it nobody logs in. But whoever reads its mails may
 * have a new password for the account that was last made with it, which confirms it, too.
 */
async function byTyped(db: Db, typed: string): Promise<users.Account | undefined> {
  const account = await users.byLogin(db, typed)
  if (account !== undefined || !typed.includes('@')) return account
  const userId = await tokens.lastUserOf(db, typed, 'email-confirm')
  const last = userId === undefined ? undefined : await users.byId(db, userId)
  const isWaiting = last?.user.emailConfirmedAt === null && emailKeyOf(last.user.email) === typed
  return isWaiting ? last : undefined
}

export async function newAddress(
  db: Db,
  { email }: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await owner(db, {}, userId)
  const to = String(email)
  if (found === undefined || found.account.user.nextEmail !== to) return undefined
  if (isDisabled(found.account)) return undefined
  return (await ownerOf(db, to, found.account)) ?? { ...found, to }
}

// No mail brings them a link that would open nothing; what has happened to the account they are told all the same.
function isDisabled({ disabledAt }: users.Account): boolean {
  return disabledAt !== null
}

/** Somebody else has the address: it is told to them, and not to who has typed it. */
async function ownerOf(db: Db, email: string, { user }: users.Account): Promise<Recipient | undefined> {
  const account = await users.byEmailKey(db, emailKeyOf(email))
  if (account === undefined || account.user.id === user.id) return undefined
  return { account, to: account.user.email, kind: 'email-taken' }
}
