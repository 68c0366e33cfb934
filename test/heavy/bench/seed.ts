import { hash } from '@node-rs/argon2'
import { isPostgresUrl } from '../../../src/database/locate.js'
import { migrateDatabase } from '../../../src/database/migrate.js'
import { write } from '../../support/databases.js'
import { PASSWORD } from './forms.js'

export interface Crowd {
  users: number
  /** Open sessions, distributed among the users. */
  sessions: number
  /** Ended sessions that wait to be swept. */
  ended?: number
}

const DAY = 24 * 60 * 60 * 1000

/** Creates an up-to-date database with users `Bench0`, `Bench1`, …, who all have the same password. */
export async function seed(url: string, { users, sessions, ended = 0 }: Crowd): Promise<void> {
  await migrateDatabase(url)
  const passwordHash = await hash(PASSWORD)
  const now = Date.now()
  const statements = [
    isPostgresUrl(url) ? '' : IN_A_HURRY,
    usersSql(users, { passwordHash, now }),
    'insert into slugs (slug, user_id) select slug, id from users',
    sessionsSql(url, { count: sessions, users, prefix: 'open', now, expiresAt: now + DAY }),
    sessionsSql(url, { count: ended, users, prefix: 'ended', now, expiresAt: now - 1 }),
    'analyze',
  ]
  await write(url, statements.filter(Boolean).join(';\n'))
}

// With little memory, each of millions of unordered rows would be read from the disk and written back.
const IN_A_HURRY = 'pragma cache_size = -2000000; pragma synchronous = off'

const COUNTED = (count: number) =>
  `with recursive counted(n) as (select 0 where ${count} > 0 union all select n + 1 from counted where n + 1 < ${count})`

function usersSql(count: number, { passwordHash, now }: { passwordHash: string; now: number }): string {
  return `
    insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, created_at, updated_at)
    ${COUNTED(count)}
    select 'user-' || n, 'Bench' || n, 'bench' || n, 'bench' || n, 'bench' || n || '@example.com',
      'bench' || n || '@example.com', '${passwordHash}', '', ${now}, ${now}
    from counted`
}

interface Logins {
  count: number
  users: number
  prefix: string
  now: number
  expiresAt: number
}

// Tokens are unordered like real ones. The floor knows the first one.
function sessionsSql(url: string, { count, users, prefix, now, expiresAt }: Logins): string {
  const random = isPostgresUrl(url)
    ? 'md5(random()::text) || md5(random()::text)'
    : 'lower(hex(randomblob(22)))'
  return `
    insert into sessions (id, token_hash, user_id, kept, login_form, user_agent, address, created_at, last_seen_at,
      authenticated_at, expires_at)
    ${COUNTED(count)}
    select '${prefix}-' || n, case when n = 0 then '${prefix}-0' else ${random} end, 'user-' || (n % ${users}), 0,
      '${prefix}-' || n, 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0', '127.0.0.1',
      ${now}, ${now}, ${now}, ${expiresAt}
    from counted`
}
