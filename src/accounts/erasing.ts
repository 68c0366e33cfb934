import type { Violation } from '../database/constraints.js'
import { isConstraintError, violationBy } from '../database/constraints.js'
import { DatabaseUnavailable } from '../database/unavailable.js'
import { hashOf } from '../secrets/token.js'
import * as erasures from '../tables/erasures.js'
import * as events from '../tables/events.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as spent from '../tables/spent-challenges.js'
import type * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Message } from '../web/form.js'
import { withEventId } from './events.js'
import { eventOf } from './history.js'
import { REPEAT_WINDOW } from './lifetimes.js'
import { recordAction } from './operator-log.js'
import { type Origin, SYSTEM } from './origin.js'
import type { Registry } from './registry.js'
import { keepAnAdmin } from './roles.js'

const MAX_REPORTED = 500

export type Eraser = 'sweep' | 'denial' | 'accounts.erase' | 'gatehouse users delete'

export interface Erasure {
  userId: string
  because: Eraser
  find: (transaction: Db) => Promise<users.User | undefined>
}

export class NotErased extends Error {
  override readonly name = 'NotErased'
  readonly userId: string

  constructor(userId: string, cause: unknown) {
    super('The account could not be erased.', { cause })
    this.userId = userId
  }
}

export async function erase(
  origin: Origin,
  registry: Pick<Registry, 'database' | 'hooks' | 'events' | 'now'>,
  { userId, because, find }: Erasure,
): Promise<boolean> {
  const event = withEventId(eventOf(origin, registry, { kind: 'account_erased', userId, about: because }))
  const isErased = await registry.database
    .write(async (transaction) => {
      await keepAnAdmin(transaction, userId)
      const user = await find(transaction)
      if (user === undefined || !(await recordAction(transaction, origin, event))) return false
      await registry.hooks.duringErase?.(transaction, user)
      return users.erase(transaction, userId)
    })
    .catch((error: unknown) => {
      throw error instanceof DatabaseUnavailable ? error : new NotErased(userId, error)
    })
  if (isErased) registry.events.report([event])
  return isErased
}

export async function eraseExpired(
  registry: Pick<Registry, 'database' | 'hooks' | 'events' | 'now'>,
  { now, ...size }: { now: number; batch: number; skip: number },
): Promise<number> {
  let erased = 0
  for (const userId of await users.expired(registry.database.main, { now, ...size })) {
    const find = (transaction: Db) => users.lockExpired(transaction, userId, now)
    if (await erase(SYSTEM, registry, { userId, because: 'sweep', find })) erased++
  }
  return erased
}

export async function eraseDenied(
  origin: Origin,
  registry: Registry,
  { userId, email, usedForm }: Pick<tokens.Token, 'userId' | 'email' | 'usedForm'>,
): Promise<'erased' | 'unknown' | 'kept'> {
  const find = async (transaction: Db) => {
    const user = await users.lockUnconfirmed(transaction, userId, email)
    if (user === undefined || (await isInUse(transaction, userId))) return undefined
    await noteForm(transaction, registry, usedForm)
    return user
  }
  try {
    return (await erase(origin, registry, { userId, because: 'denial', find })) ? 'erased' : 'unknown'
  } catch (error) {
    if (!(error instanceof NotErased)) throw error
    registry.log.error(
      await reasonOf(registry, error),
      'could not delete account that the email owner denied',
    )
    return 'kept'
  }
}

// The response may be lost, and nothing else is left of the account.
async function noteForm(transaction: Db, { now }: Pick<Registry, 'now'>, form: string | null): Promise<void> {
  if (form !== null) await spent.spend(transaction, { hash: hashOf(form), expiresAt: now() + REPEAT_WINDOW })
}

/** Whether the form has deleted an account in the last 2 minutes. */
export function hasErased(
  { database, now }: Pick<Registry, 'database' | 'now'>,
  form: string,
): Promise<boolean> {
  return spent.isSpent(database.main, { hash: hashOf(form), now: now() })
}

/** Throws with the table's name if one of the app's rows refers to the account. */
export async function eraseByCode(origin: Origin, registry: Registry, userId: string): Promise<boolean> {
  const find = (transaction: Db) => users.lockToErase(transaction, userId)
  return erase(origin, registry, { userId, because: 'accounts.erase', find }).catch(
    async (error: unknown) => {
      if (!(error instanceof NotErased)) throw error
      throw isConstraintError(error.cause) ? await stillReferred(registry, error, userId) : error.cause
    },
  )
}

class StillReferred extends Error {
  override readonly name = 'StillReferred'
  readonly status = 409
  readonly visitorMessage: Message

  constructor(sentence: string, table: string, cause: unknown) {
    super(sentence, { cause })
    this.visitorMessage = {
      code: 'account_referred',
      sentence: 'The account was not deleted, because data of this site still refers to it: {table}.',
      params: { table },
    }
  }
}

export async function stillReferred(
  { database }: Pick<Registry, 'database'>,
  { userId, cause }: NotErased,
  name: string,
): Promise<Error> {
  const { table, constraint, code } = await violationBy(database.main, userId, cause)
  const what = table === undefined ? 'The database' : `The table ${table}`
  return new StillReferred(
    `Could not delete ${name}. ${what} still refers to the account (${constraint ?? code}). Delete those rows first, or add "on delete cascade".`,
    table ?? code,
    cause,
  )
}

const BY_COMMAND: Eraser = 'gatehouse users delete'
const COMMAND: Origin = { by: 'cli:users delete', address: '', userAgent: '' }

// A command has no event listeners, so the site reports the event later (`reportErased`).
export async function eraseByCommand(
  { database, hooks, now }: Pick<Registry, 'database' | 'hooks' | 'now'>,
  userId: string,
): Promise<boolean> {
  return database
    .write(async (transaction) => {
      await keepAnAdmin(transaction, userId)
      const user = await users.lockToErase(transaction, userId)
      if (user === undefined) return false
      await recordAction(
        transaction,
        COMMAND,
        withEventId(eventOf(COMMAND, { now }, { kind: 'account_erased', userId })),
      )
      await hooks.duringErase?.(transaction, user)
      const isErased = await users.erase(transaction, userId)
      if (isErased) await erasures.insert(transaction, { userId, by: BY_COMMAND, at: now() })
      return isErased
    })
    .catch((error: unknown) => {
      throw isConstraintError(error) ? new NotErased(userId, error) : error
    })
}

export async function reportErased({
  database,
  events,
}: Pick<Registry, 'database' | 'events'>): Promise<void> {
  for (const { userId, by, at } of await erasures.take(database.loose, MAX_REPORTED)) {
    const command = { about: by, by: 'cli:users delete', userAgent: '', address: '' } as const
    events.report([{ kind: 'account_erased', userId, at, ...command }])
  }
}

export async function reasonOf(
  { database }: Pick<Registry, 'database'>,
  { userId, cause }: NotErased,
): Promise<{ user: string } & (Violation | { err: unknown })> {
  if (!isConstraintError(cause)) return { user: userId, err: cause }
  return { user: userId, ...(await violationBy(database.main, userId, cause)) }
}

async function isInUse(db: Db, userId: string): Promise<boolean> {
  return (
    (await events.hasSince(db, { userId, kind: 'logged_in', at: 0 })) ||
    (await sessions.ofUser(db, userId, 0)).length > 0
  )
}
