/* The stored state of each account, and how it differs from the responses that its owner got. */
import { verify } from '@node-rs/argon2'
import { rows } from '../../support/databases.js'
import type { Account } from './account.js'
import type { Person } from './person.js'

export interface Stored {
  name: string
  email: string
  next_email: string | null
  password_hash: string
  closed_at: number | null
  sessions: number
  events: string[]
  mails: string[]
}

/** Events that are stored later, in batches. */
const BATCHED = ['login_failed', 'password_failed', 'limit_hit']

/** Returns every account by its username. */
export async function storedAccounts(database: string): Promise<Map<string, Stored>> {
  const users = await rows<Stored & { id: string }>(
    database,
    'select id, name, email, next_email, password_hash, closed_at from users',
  )
  const sessions = await kindsByUser(database, "select user_id, 'session' as kind from sessions")
  const events = await kindsByUser(database, 'select user_id, kind from events order by id')
  const mails = await kindsByUser(database, 'select user_id, kind from mails')
  return new Map(
    users.map((user) => {
      const told = (events.get(user.id) ?? []).filter((kind) => !BATCHED.includes(kind))
      const count = sessions.get(user.id)?.length ?? 0
      return [user.name, { ...user, sessions: count, events: told, mails: mails.get(user.id) ?? [] }]
    }),
  )
}

async function kindsByUser(database: string, sql: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const { user_id, kind } of await rows<{ user_id: string; kind: string }>(database, sql)) {
    const kinds = found.get(user_id) ?? []
    kinds.push(kind)
    found.set(user_id, kinds)
  }
  return found
}

export type Finding =
  /** `account` is the state that was found. */
  { isRight: true; account: Account | undefined } | { isRight: false; problem: string }

/** Returns the account's state if it is the acknowledged one, or a step of the change without a response. */
export async function find(person: Person, stored: ReadonlyMap<string, Stored>): Promise<Finding> {
  const problems = []
  for (const account of [person.account, ...person.steps]) {
    const differences = await differencesOf(person, account, stored)
    if (differences.length === 0) return { isRight: true, account }
    problems.push(differences.join(', '))
  }
  return {
    isRight: false,
    problem: `${person.id} is in no state that it was told of: ${problems.join(' | ')}`,
  }
}

async function differencesOf(
  { id, account: acknowledged, formerPasswords }: Person,
  account: Account | undefined,
  stored: ReadonlyMap<string, Stored>,
): Promise<string[]> {
  if (account === undefined) return stored.has(id) ? [`there is an account ${id}`] : []
  const found = stored.get(account.name)
  if (found === undefined) return [`there is no account ${account.name}`]
  const differing = (what: string, is: unknown, was: unknown) =>
    JSON.stringify(is) === JSON.stringify(was)
      ? []
      : [`${what} ${JSON.stringify(is)} for ${JSON.stringify(was)}`]
  const isNew = acknowledged !== undefined && acknowledged.password !== account.password
  const dead = [...formerPasswords, ...(isNew ? [acknowledged.password] : [])]
  return [
    ...differing('e-mail', found.email, account.email),
    ...differing('next e-mail', found.next_email, account.nextEmail),
    ...differing('closed', found.closed_at !== null, account.isClosed),
    ...differing('sessions', found.sessions, account.inside.length),
    ...differing('events', found.events, account.events),
    ...mailDifferences(found.mails, account),
    ...((await verify(found.password_hash, account.password)) ? [] : ['the password is another one']),
    ...((await opensAny(found.password_hash, dead)) ? ['a former password opens it'] : []),
  ]
}

async function opensAny(hash: string, passwords: readonly string[]): Promise<boolean> {
  for (const password of passwords) if (await verify(hash, password)) return true
  return false
}

/** Checks that each promised email that was not canceled exists once, and no other. */
function mailDifferences(found: readonly string[], { mails }: Account): string[] {
  const kinds = new Set([...found, ...mails.map(({ kind }) => kind)])
  return [...kinds].flatMap((kind) => {
    const promised = mails.filter((mail) => mail.kind === kind)
    const least = promised.filter(({ isRevoked }) => !isRevoked).length
    const count = found.filter((one) => one === kind).length
    const isRight = count >= least && count <= promised.length
    return isRight ? [] : [`${count} mails ${kind} for ${least} to ${promised.length}`]
  })
}
