import type { Migration } from 'kysely'
import * as users from './0001-users.js'
import * as slugs from './0002-slugs.js'
import * as sessions from './0003-sessions.js'

/** Every step of the schema, in order; a step that was released is never changed. */
export const migrations: Record<string, Migration> = {
  '0001-users': users,
  '0002-slugs': slugs,
  '0003-sessions': sessions,
}
