import { domainToASCII } from 'node:url'
import type { Kysely } from 'kysely'

type Tables = {
  users: {
    id: string
    email: string
    email_key: string
    email_confirmed_at: number | null
    created_at: number
  }
  tokens: { hash: string; email: string; email_key: string }
}

type User = Tables['users']

const BATCH = 1000

/** The key of an address has the domain in the form that DNS uses. If users share a mailbox, one of them gets its key: the
 * one who confirmed it, or else the first. The others log in with their usernames; `gatehouse check` lists them. */
export async function up(unknown: Kysely<unknown>): Promise<void> {
  const db = unknown.withTables<Tables>()
  const users = await usersWithOtherKeys(db)
  for (const user of users) await setKey(db, user, sharedKey(user))
  for (const user of users.sort(byClaim)) await giveKey(db, user)
  await rekeyTokens(db)
}

async function usersWithOtherKeys(db: Kysely<Tables>): Promise<User[]> {
  const found: User[] = []
  let last = ''
  for (;;) {
    const users = await db
      .selectFrom('users')
      .select(['id', 'email', 'email_key', 'email_confirmed_at', 'created_at'])
      .where('id', '>', last)
      .orderBy('id')
      .limit(BATCH)
      .execute()
    found.push(...users.filter((user) => isClaimed(user) && emailKeyOf(user.email) !== user.email_key))
    if (users.length < BATCH) return found
    last = users.at(-1)?.id ?? last
  }
}

// The key of an address that is not the user's yet contains a space.
function isClaimed({ email_key }: User): boolean {
  return !email_key.includes(' ')
}

// Nobody can type it.
function sharedKey({ id }: User): string {
  return `shared ${id}`
}

function byClaim(one: User, other: User): number {
  const confirmed = Number(other.email_confirmed_at !== null) - Number(one.email_confirmed_at !== null)
  return confirmed || one.created_at - other.created_at || (one.id < other.id ? -1 : 1)
}

async function giveKey(db: Kysely<Tables>, user: User): Promise<void> {
  const key = emailKeyOf(user.email)
  const holder = await db
    .selectFrom('users')
    .select(['id', 'email', 'email_key', 'email_confirmed_at', 'created_at'])
    .where('email_key', '=', key)
    .executeTakeFirst()
  if (holder !== undefined && byClaim(holder, user) < 0) return
  if (holder !== undefined) await setKey(db, holder, sharedKey(holder))
  await setKey(db, user, key)
}

async function setKey(db: Kysely<Tables>, { id }: User, key: string): Promise<void> {
  await db.updateTable('users').set({ email_key: key }).where('id', '=', id).execute()
}

async function rekeyTokens(db: Kysely<Tables>): Promise<void> {
  const tokens = await db.selectFrom('tokens').select(['hash', 'email', 'email_key']).execute()
  for (const { hash, email, email_key } of tokens) {
    const key = emailKeyOf(email)
    if (key !== email_key)
      await db.updateTable('tokens').set({ email_key: key }).where('hash', '=', hash).execute()
  }
}

function emailKeyOf(address: string): string {
  const text = address.normalize('NFKC')
  const at = text.lastIndexOf('@')
  const domain = text.slice(at + 1)
  return `${fold(text.slice(0, at))}@${asciiDomain(domain) ?? fold(domain)}`
}

function asciiDomain(domain: string): string | undefined {
  const lower = domain.toLowerCase()
  if (/^[-.\w]*$/.test(lower) && !lower.includes('xn--')) return lower
  return (/^[-.\w\u0080-\u{10FFFF}]+$/u.test(domain) && domainToASCII(domain)) || undefined
}

function fold(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}
