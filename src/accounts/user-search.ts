import type { Database } from '../tables/schema.js'
import type { UserFilter } from '../tables/users-list.js'
import { type FoundUser, withPrefix } from '../tables/users-prefix.js'
import { emailPartKeyOf, nameKeyOf } from './fields.js'
import { DEFAULT_LIMIT, type UserPage } from './listing.js'

const MAX_CURSOR = 1000

export async function usersWithPrefix(
  { database: { main } }: { database: Database },
  text: string,
  { after, ...filter }: Pick<UserFilter, 'state' | 'role'> & { after: string | undefined },
): Promise<UserPage> {
  const name = nameKeyOf(text)
  const wanted = { after: after === '' ? undefined : after?.slice(0, MAX_CURSOR), ...filter }
  const limit = DEFAULT_LIMIT + 1
  const names = await withPrefix(main, 'name_key', { ...wanted, prefix: name, limit })
  // Most users match by both, and are then listed by their username.
  const emails = await withPrefix(main, 'email_key', {
    ...wanted,
    prefix: emailPartKeyOf(text),
    limit: 2 * limit,
  })
  const found = merge([partOf(names, limit), partOf(emails, 2 * limit)])
  const shown = found.filter(({ name: own, key }) => key.includes('@') !== nameKeyOf(own).startsWith(name))
  const users = shown.slice(0, DEFAULT_LIMIT)
  const isMore = names.length === limit || emails.length === 2 * limit || shown.length > users.length
  return { users, next: isMore ? ((shown.length > users.length ? users : found).at(-1)?.key ?? null) : null }
}

interface Part {
  users: readonly FoundUser[]
  /** The last key that was read; undefined if all were. */
  until: string | undefined
}

function partOf(users: readonly FoundUser[], limit: number): Part {
  return { users, until: users.length === limit ? users.at(-1)?.key : undefined }
}

function merge(parts: readonly Part[]): FoundUser[] {
  const ends = parts.flatMap(({ until }) => (until === undefined ? [] : [until])).sort(byBytes)
  return parts
    .flatMap(({ users }) => users)
    .filter(({ key }) => ends[0] === undefined || byBytes(key, ends[0]) <= 0)
    .sort((one, other) => byBytes(one.key, other.key))
}

// As the databases do. JavaScript compares UTF-16 units.
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
