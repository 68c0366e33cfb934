import type { Facts, MailKind } from '../mail/outbox.js'
import { hashOf } from '../secrets/token.js'
import * as invitations from '../tables/invitations.js'
import type { Db } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import { emailKeyOf, loginKeyOf } from './fields.js'

// Called when sending, so a response takes as long with a recipient as without.
export type FindRecipient = (
  db: Db,
  facts: Facts,
  userId: string | null,
) => Promise<Recipient | Invited | undefined>

export interface Recipient {
  account: users.Account
  to: string
  kind?: MailKind
}

export interface Invited {
  account?: undefined
  to: string
  token: string
}

export async function notifiedAddress(
  db: Db,
  { to }: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(db, userId)
  return account && { account, to: String(to) }
}

// The mistyped address may be that of another account, whose owner already has an email.
export async function previousOwner(
  db: Db,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await notifiedAddress(db, facts, userId)
  return found && (await ownerOf(db, found.to, found.account)) === undefined ? found : undefined
}

export async function owner(db: Db, _: Facts, userId: string | null): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(db, userId)
  const to = account?.user.email ?? null
  return account === undefined || to === null ? undefined : { account, to }
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

// Uses the stored address, never the typed one.
export async function requester(db: Db, facts: Facts, userId: string | null): Promise<Recipient | undefined> {
  const typed = loginKeyOf(String(facts.username ?? ''))
  const account = await (userId === null ? byTyped(db, typed) : users.byId(db, userId))
  if (account === undefined || isDisabled(account)) return undefined
  const { email } = account.user
  if (email === null) return undefined
  // With private emails, an unconfirmed account does not own its address.
  const isForeign =
    account.user.emailConfirmedAt === null && (await ownerOf(db, email, account)) !== undefined
  return isForeign ? undefined : { account, to: email }
}

// With private emails, an unconfirmed address cannot log in. Its reader can reset the password of the last account
// created with it, which confirms the address.
async function byTyped(db: Db, typed: string): Promise<users.Account | undefined> {
  const account = await users.byLogin(db, typed)
  if (account !== undefined || !typed.includes('@')) return account
  const userId = await tokens.lastUserOf(db, typed, 'email-confirm')
  const last = userId === undefined ? undefined : await users.byId(db, userId)
  const email = last?.user.emailConfirmedAt === null ? last.user.email : null
  return email !== null && emailKeyOf(email) === typed ? last : undefined
}

export async function newAddress(
  db: Db,
  { email }: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(db, userId)
  const to = String(email)
  if (account === undefined || account.user.nextEmail !== to || isDisabled(account)) return undefined
  return (await ownerOf(db, to, account)) ?? { account, to }
}

// Only a confirmed mailbox, unless the account was closed or disabled meanwhile.
export async function withSecond(
  db: Db,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await owner(db, facts, userId)
  if (found === undefined || isDisabled(found.account) || found.account.closedAt !== null) return undefined
  const { emailConfirmedAt, secondStepAt } = found.account.user
  return emailConfirmedAt === null || secondStepAt === null ? undefined : found
}

export async function warned(db: Db, facts: Facts, userId: string | null): Promise<Recipient | undefined> {
  const found = await notifiedAddress(db, facts, userId)
  return found?.account.user.secondEndsAt === facts.endsAt ? found : undefined
}

// Undefined if they have signed up or were invited again meanwhile.
export async function invited(db: Db, { email, token }: Facts): Promise<Invited | undefined> {
  const isWaiting = await invitations.exists(db, hashOf(String(token)))
  return isWaiting ? { to: String(email), token: String(token) } : undefined
}

function isDisabled({ disabledAt }: users.Account): boolean {
  return disabledAt !== null
}

async function ownerOf(db: Db, email: string, { user }: users.Account): Promise<Recipient | undefined> {
  const account = await users.byEmailKey(db, emailKeyOf(email))
  if (account === undefined || account.user.id === user.id) return undefined
  return { account, to: account.user.email ?? email, kind: 'email-taken' }
}
