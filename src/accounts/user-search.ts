import type { Database } from '../tables/schema.js'
import type { UserFilter } from '../tables/users-list.js'
import { type FoundUser, withPrefix } from '../tables/users-prefix.js'
import { emailPartKeyOf, nameKeyOf } from './fields.js'
import { DEFAULT_LIMIT, type UserPage } from './listing.js'

const MAX_PLACE = 1000

/** Users whose username or email address begins like the text, in its order, 50 a page. */
export async function usersBeginning(
  { database: { main } }: { database: Database },
  text: string,
  { after, ...filter }: Pick<UserFilter, 'state' | 'role'> & { after: string | undefined },
): Promise<UserPage> {
  const name = nameKeyOf(text)
  const wanted = { after: after === '' ? undefined : after?.slice(0, MAX_PLACE), ...filter }
  const limit = DEFAULT_LIMIT + 1
  const names = await withPrefix(main, 'name_key', { ...wanted, prefix: name, limit })
  // Most users are found by both, and then shown by their names alone.
  const emails = await withPrefix(main, 'email_key', {
    ...wanted,
    prefix: emailPartKeyOf(text),
    limit: 2 * limit,
  })
  const found = merged([whole(names, limit), whole(emails, 2 * limit)])
  const shown = found.filter(({ name: own, key }) => key.includes('@') !== nameKeyOf(own).startsWith(name))
  const users = shown.slice(0, DEFAULT_LIMIT)
  const isMore = names.length === limit || emails.length === 2 * limit || shown.length > users.length
  return { users, next: isMore ? ((shown.length > users.length ? users : found).at(-1)?.key ?? null) : null }
}

interface Part {
  users: readonly FoundUser[]
  /** Nothing is known behind this key; undefined at the end. */
  until: string | undefined
}

function whole(users: readonly FoundUser[], limit: number): Part {
  return { users, until: users.length === limit ? users.at(-1)?.key : undefined }
}

function merged(parts: readonly Part[]): FoundUser[] {
  const ends = parts.flatMap(({ until }) => (until === undefined ? [] : [until])).sort(byBytes)
  return parts
    .flatMap(({ users }) => users)
    .filter(({ key }) => ends[0] === undefined || byBytes(key, ends[0]) <= 0)
    .sort((one, other) => byBytes(one.key, other.key))
}

// As the databases do; JavaScript compares units of UTF-16.
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}
