/* Measures the bytes of a row and its index entries in a database with that many rows. */

import { isPostgresUrl } from '../../../src/database/locate.js'
import { openDatabase } from '../../../src/tables/schema.js'
import { rows, write } from '../../support/databases.js'

/** Bytes for each row by table, and of its indexes by name. */
export type Sizes = Record<string, { table: number; indexes: Record<string, number> }>

const AGENT =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36'
const TABLES = ['users', 'slugs', 'sessions', 'events'] as const

export interface Counts {
  users: number
  /** Rows for each user. */
  sessions: number
  events: number
}

/** Fills a fresh database and measures it. */
export async function sizesOf(url: string, counts: Counts): Promise<Sizes> {
  await (await openDatabase(url)).close()
  await write(url, filling(isPostgresUrl(url) ? POSTGRES : SQLITE, counts))
  return isPostgresUrl(url) ? serverSizes(url) : fileSizes(url)
}

interface Dialect {
  series(count: number): string
  /** Returns random-looking text of this length, so that indexes grow as with real ids. */
  chance(length: number): string
  id(number: string): string
}

// Multiplying scatters the numbers like hashes and random ids.
const SCATTERED = (number: string) => `((${number}) * 2654435761) % 4294967296`

const SQLITE: Dialect = {
  series: (count) =>
    `(with recursive series (i) as (select 1 union all select i + 1 from series where i < ${count}) select i from series)`,
  chance: (length) => `substr(hex(randomblob(${Math.ceil(length / 2)})), 1, ${length})`,
  id: (number) => `printf('%016x%020d', ${SCATTERED(number)}, ${number})`,
}

const POSTGRES: Dialect = {
  series: (count) => `(select cast(i as bigint) as i from generate_series(1, ${count}) as series (i))`,
  chance: (length) =>
    `substr(${Array.from({ length: Math.ceil(length / 32) }, () => 'md5(random()::text)').join(' || ')}, 1, ${length})`,
  id: (number) => `lpad(to_hex(${SCATTERED(number)}), 16, '0') || lpad(cast(${number} as text), 20, '0')`,
}

function filling({ series, chance, id }: Dialect, { users, sessions, events }: Counts): string {
  const time = `1795000000000 + i`
  return `
    insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, device_stamp,
      email_confirmed_at, created_at, updated_at)
    select ${id('i')}, 'Somebody ' || i, 'somebody ' || i, 'somebody-' || i, 'somebody.' || i || '@example.com',
      'somebody.' || i || '@example.com', ${chance(97)}, ${chance(43)}, ${chance(12)}, ${time}, ${time}, ${time}
    from ${series(users)} as numbers;
    insert into slugs (slug, user_id) select 'somebody-' || i, ${id('i')} from ${series(users)} as numbers;
    insert into sessions (id, token_hash, user_id, kept, login_form, user_agent, address, created_at, last_seen_at,
      authenticated_at, expires_at)
    select ${chance(36)}, ${chance(43)}, ${id(`i % ${users} + 1`)}, 1, ${chance(43)}, '${AGENT}', '203.0.113.77',
      ${time}, ${time}, ${time}, ${time}
    from ${series(users * sessions)} as numbers;
    insert into events (id, user_id, kind, at, user_agent, address)
    select ${id('i')}, ${id(`i % ${users} + 1`)}, 'logged_in', ${time}, '${AGENT}', '203.0.113.77'
    from ${series(users * events)} as numbers;`
}

async function fileSizes(url: string): Promise<Sizes> {
  await write(url, 'vacuum') // Random inserts leave half-empty pages, on servers, too. Without them this is the minimum.
  const pages = await rows<{ name: string; bytes: number; owner: string }>(
    url,
    'select dbstat.name, sum(pgsize) as bytes, tbl_name as owner from dbstat join sqlite_master on sqlite_master.name = dbstat.name group by 1',
  )
  return perRow(url, pages)
}

async function serverSizes(url: string): Promise<Sizes> {
  await write(url, 'analyze')
  const relations = await rows<{ name: string; bytes: number; owner: string }>(
    url,
    `select relname as name, pg_relation_size(pg_class.oid) as bytes, coalesce(tablename, relname) as owner
    from pg_class left join pg_indexes on indexname = relname and pg_indexes.schemaname = 'public'
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')`,
  )
  return perRow(url, relations)
}

async function perRow(
  url: string,
  parts: readonly { name: string; bytes: number; owner: string }[],
): Promise<Sizes> {
  const sizes: Sizes = {}
  for (const table of TABLES) {
    const [row] = await rows<{ count: number }>(url, `select count(*) as count from ${table}`)
    const each = (bytes: number) => Math.round(bytes / Math.max(1, row?.count ?? 1))
    const own = parts.filter(({ owner }) => owner === table)
    sizes[table] = {
      table: each(own.find(({ name }) => name === table)?.bytes ?? 0),
      indexes: Object.fromEntries(
        own.filter(({ name }) => name !== table).map(({ name, bytes }) => [name, each(bytes)]),
      ),
    }
  }
  return sizes
}
