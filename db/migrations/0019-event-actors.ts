import type { Kysely } from 'kysely'
import { sql } from '../../src/database/kysely.js'

// Earlier versions stored their names as the user agent.
const COMMANDS = [
  'gatehouse users create',
  'gatehouse users disable',
  'gatehouse users enable',
  'gatehouse users logout',
  'gatehouse users reset',
  'gatehouse sessions end',
]

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('events')
    .addColumn('actor', 'text', (actor) => actor.notNull().defaultTo('self'))
    .execute()
  await sql`
    update events
    set actor = 'cli:' || substr(user_agent, ${sql.lit('gatehouse '.length + 1)}), user_agent = ''
    where address = '' and user_agent in (${sql.join(COMMANDS)})
  `.execute(db)
}
