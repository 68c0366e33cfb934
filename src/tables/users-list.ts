import type { ExpressionBuilder } from 'kysely'
import { sql } from '../database/kysely.js'
import type { Db, Schema } from './schema.js'
import { havingRole, USER_COLUMNS, type User, userOf } from './users.js'

export interface ListedUser extends User {
  closedAt: number | null
  disabledAt: number | null
  lastLoginAt: number | null
}

export const USER_STATES = ['open', 'closed', 'disabled', 'unconfirmed'] as const

export type UserState = (typeof USER_STATES)[number]

export interface UserFilter {
  search?: string | undefined
  searchEmail?: string | undefined
  state?: UserState | undefined
  role?: string | undefined
}

export interface UserCursor {
  createdAt: number
  id: string
}

export async function list(
  db: Db,
  { after, limit, newestFirst = false, ...filter }: UserFilter & ListPart,
): Promise<ListedUser[]> {
  const direction = newestFirst ? 'desc' : 'asc'
  const rows = await listed(db, filter)
    .where((eb) => isAfter(eb, after, { newestFirst }))
    .orderBy('users.created_at', direction)
    .orderBy('users.id', direction)
    .limit(limit)
    .execute()
  return rows.map(listedOf)
}

interface ListPart {
  after?: UserCursor | undefined
  limit: number
  newestFirst?: boolean
}

export function listed(db: Db, filter: UserFilter) {
  return db
    .selectFrom('users')
    .select(USER_COLUMNS)
    .select(['users.closed_at', 'users.disabled_at'])
    .select(lastLogin)
    .where((eb) => matching(eb, filter))
}

type ListedRow = Parameters<typeof userOf>[0] & {
  closed_at: number | null
  disabled_at: number | null
  last_login_at: number | null
}

export function listedOf(row: ListedRow): ListedUser {
  return {
    ...userOf(row),
    closedAt: row.closed_at,
    disabledAt: row.disabled_at,
    lastLoginAt: row.last_login_at,
  }
}

// Reads small indexes. Counting the open ones would read every row.
export async function countOpen(db: Db): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select (select count(*) from users) - (select count(*) from users where closed_at is not null)
      - (select count(*) from users where disabled_at is not null and closed_at is null) as count`.execute(db)
  return rows[0]?.count ?? 0
}

export async function count(db: Db, filter: UserFilter): Promise<number> {
  const row = await db
    .selectFrom('users')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where((eb) => matching(eb, filter))
    .executeTakeFirst()
  return row?.count ?? 0
}

type UsersExpression = ExpressionBuilder<Schema, 'users'>

function lastLogin({ selectFrom }: UsersExpression) {
  return selectFrom('events')
    .select('events.at')
    .whereRef('events.user_id', '=', 'users.id')
    .where('events.kind', '=', 'logged_in')
    .orderBy('events.id', 'desc')
    .limit(1)
    .as('last_login_at')
}

function matching(eb: UsersExpression, { search, searchEmail = search, state, role }: UserFilter) {
  return eb.and([
    ...(search === undefined ? [] : [containing(eb, search, searchEmail)]),
    ...(state === undefined ? [] : [inState(eb, state)]),
    ...(role === undefined ? [] : [havingRole(role)]),
  ])
}

// The key of an unconfirmed address contains a space. SQLite's lower() changes ASCII only.
function containing(eb: UsersExpression, text: string, email = text) {
  const like = (column: ReturnType<typeof sql>, part: string) =>
    sql<boolean>`${column} like ${`%${part.replaceAll(/[\\%_]/g, '\\$&')}%`} escape '\\'`
  return eb.or([
    like(sql.ref('users.name_key'), text),
    eb.and([like(sql.ref('users.email_key'), email), eb('users.email_key', 'not like', '% %')]),
    like(sql`lower(${sql.ref('users.email')})`, text),
  ])
}

function inState(eb: UsersExpression, state: UserState) {
  if (state === 'closed') return eb('users.closed_at', 'is not', null)
  if (state === 'disabled') return eb('users.disabled_at', 'is not', null)
  if (state === 'unconfirmed')
    return eb.and([eb('users.email_confirmed_at', 'is', null), eb('users.email', '!=', '')])
  return eb.and([eb('users.closed_at', 'is', null), eb('users.disabled_at', 'is', null)])
}

function isAfter(
  eb: UsersExpression,
  after: UserCursor | undefined,
  { newestFirst }: { newestFirst: boolean },
) {
  if (after === undefined) return eb.and([])
  const position = eb.refTuple('users.created_at', 'users.id')
  return eb(position, newestFirst ? '<' : '>', eb.tuple(after.createdAt, after.id))
}
