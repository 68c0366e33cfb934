import type { Database } from '../tables/schema.js'
import { type ListedUser, list, type UserCursor, type UserFilter } from '../tables/users-list.js'
import { emailPartKeyOf, nameKeyOf } from './fields.js'

export const DEFAULT_LIMIT = 50
export const MAX_LIMIT = 1000

export interface UserPage {
  users: ListedUser[]
  /** For `after`; null on the last page. */
  next: string | null
}

export function isPageLimit(limit: number): boolean {
  return Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT
}

export function searchOf(text = ''): Pick<UserFilter, 'search' | 'searchEmail'> {
  const search = nameKeyOf(text)
  return search === '' ? {} : { search, searchEmail: emailPartKeyOf(text) }
}

/** Returns undefined if the text is no cursor. */
export function cursorOf(text = ''): UserCursor | undefined {
  const [, createdAt, id] = /^(\d{1,15})\.(.+)$/u.exec(text) ?? []
  return createdAt === undefined || id === undefined ? undefined : { createdAt: Number(createdAt), id }
}

export async function pageOf(
  { database }: { database: Database },
  { limit, ...wanted }: UserFilter & { after: UserCursor | undefined; limit: number; newestFirst?: boolean },
): Promise<UserPage> {
  const found = await list(database.main, { ...wanted, limit: limit + 1 })
  const users = found.slice(0, limit)
  const last = users.at(-1)
  return { users, next: last !== undefined && found.length > limit ? `${last.createdAt}.${last.id}` : null }
}
