/* Rules that hold in every database, whenever the site was killed. */
import { isPostgresUrl } from '../../../src/database/locate.js'
import { rows } from '../../support/databases.js'

/** Queries for rows that break a rule. They must find none. */
const INVARIANTS: Readonly<Record<string, string>> = {
  'every user has the current slug that its row names': `
    select users.id from users
    left join slugs on slugs.slug = users.slug and slugs.user_id = users.id and slugs.until is null
    where slugs.slug is null`,
  'nobody has two current slugs': `
    select user_id from slugs where until is null group by user_id having count(*) > 1`,
  'every slug leads to a user': orphans('slugs'),
  'every session is the session of a user': orphans('sessions'),
  'every token was made for a user': orphans('tokens'),
  'every event is in the history of a user': orphans('events'),
  'every mail that is somebody’s is that of a user': `${orphans('mails')} and mails.user_id is not null`,
  'every user has signed up once': `
    select users.id from users
    left join events on events.user_id = users.id and events.kind = 'signed_up'
    group by users.id having count(events.id) <> 1`,
  'every session was begun by a login that the history tells of': `
    select user_id from sessions group by user_id having count(*) >
    (select count(*) from events where events.user_id = sessions.user_id and events.kind = 'logged_in')`,
  'an account is closed and to be erased, or neither': `
    select id from users where (closed_at is null) <> (erase_at is null)`,
  'a closed account has no session': `
    select sessions.id from sessions join users on users.id = sessions.user_id where users.closed_at is not null`,
  'an address that is to follow was asked for': `
    select id from users where next_email is not null and not exists
    (select 1 from events where events.user_id = users.id and kind = 'email_asked' and about = next_email)`,
  'a mail that was sent keeps nothing of what it said': `
    select id from mails where state = 'sent' and (facts <> '' or prepared <> '')`,
  'a mail that waits has all that it is to say': `
    select id from mails where state = 'waiting' and facts = ''`,
  'no mail was given up': `select id from mails where state = 'failed'`,
}

function orphans(table: string): string {
  return `select ${table}.user_id from ${table} left join users on users.id = ${table}.user_id where users.id is null`
}

/** Returns the broken rules, and what SQLite's integrity check reports. */
export async function brokenInvariants(database: string): Promise<string[]> {
  const broken = []
  for (const [sentence, sql] of Object.entries(INVARIANTS)) {
    const breaking = await rows(database, sql)
    if (breaking.length > 0) broken.push(`Not so: ${sentence} (${JSON.stringify(breaking.slice(0, 3))})`)
  }
  return isPostgresUrl(database) ? broken : [...broken, ...(await damages(database))]
}

async function damages(database: string): Promise<string[]> {
  const integrity = await rows<{ integrity_check: string }>(database, 'pragma integrity_check')
  const stray = await rows(database, 'pragma foreign_key_check')
  return [
    ...integrity.map((row) => row.integrity_check).filter((words) => words !== 'ok'),
    ...stray.map((row) => `A row without its parent: ${JSON.stringify(row)}`),
  ]
}
