import type { Selectable } from 'kysely'
import type { Actor, EventKind } from './events.js'
import type { Db } from './schema.js'

export type OtherKind = 'mail_resent' | 'all_sessions_ended' | 'users_imported'

export interface OperatorActionsTable {
  id: string
  kind: EventKind | OtherKind
  about: string | null
  reason: string
  actor: Actor
  actor_name: string
  user_id: string
  user_name: string
  address: string
  user_agent: string
  form: string | null
  at: number
}

export interface OperatorAction {
  id: string
  kind: OperatorActionsTable['kind']
  about: string | null
  reason: string
  by: Actor
  /** The admin's username at that time; '' for a command. */
  byName: string
  userId: string
  userName: string
  address: string
  userAgent: string
  form: string | null
  at: number
}

/** Returns false if the form was recorded before. */
export async function insert(db: Db, action: Omit<OperatorAction, 'byName' | 'userName'>): Promise<boolean> {
  const { id, kind, about, reason, by, userId, address, userAgent, form, at } = action
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('operator_actions')
    .values({
      ...{ id, kind, about, reason, actor: by, user_id: userId, address, user_agent: userAgent, form, at },
      actor_name: await nameOf(db, by.startsWith('admin:') ? by.slice('admin:'.length) : ''),
      user_name: await nameOf(db, userId),
    })
    .onConflict((conflict) => conflict.column('form').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows !== undefined && numInsertedOrUpdatedRows > 0n
}

export async function isDone(db: Db, form: string): Promise<boolean> {
  const row = await db.selectFrom('operator_actions').select('id').where('form', '=', form).executeTakeFirst()
  return row !== undefined
}

async function nameOf(db: Db, userId: string): Promise<string> {
  if (userId === '') return ''
  const row = await db.selectFrom('users').select('name').where('id', '=', userId).executeTakeFirst()
  return row?.name ?? ''
}

/** Newest first. */
export async function list(
  db: Db,
  { before, limit }: { before?: string | undefined; limit: number },
): Promise<OperatorAction[]> {
  const rows = await db
    .selectFrom('operator_actions')
    .selectAll()
    .$if(before !== undefined, (actions) => actions.where('id', '<', before ?? ''))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
  return rows.map(actionOf)
}

/** Oldest first. */
export async function ofUser(db: Db, userId: string): Promise<OperatorAction[]> {
  const rows = await db
    .selectFrom('operator_actions')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('id')
    .execute()
  return rows.map(actionOf)
}

function actionOf(row: Selectable<OperatorActionsTable>): OperatorAction {
  return {
    id: row.id,
    kind: row.kind,
    about: row.about,
    reason: row.reason,
    by: row.actor,
    byName: row.actor_name,
    userId: row.user_id,
    userName: row.user_name,
    address: row.address,
    userAgent: row.user_agent,
    form: row.form,
    at: row.at,
  }
}
