import { write } from './databases.js'

/** Statements that undo the migrations from 0012 on. */
const ADDED: Record<string, readonly string[]> = {
  '0012': ['drop index users_created_at_id', 'alter table users drop column language'],
  '0013': ['drop table keys'],
  '0015': ['drop table erasures'],
  '0016': ['alter table sessions drop column device', 'alter table users drop column ended_devices'],
  '0017': ['alter table tokens drop column used_form'],
  '0018': ['last_address', 'last_user_agent', 'jump_address', 'jump_user_agent', 'jumped_at'].map(
    (column) => `alter table sessions drop column ${column}`,
  ),
  '0019': ['alter table events drop column actor'],
  '0020': [
    ...['recovery_codes', 'recovery_sets', 'authenticator_apps'].map((table) => `drop table ${table}`),
    ...['methods', 'second_at'].map((column) => `alter table sessions drop column ${column}`),
    'alter table users drop column second_step_at',
  ],
  '0021': ['second_ends_at', 'password_at', 'email_at'].map(
    (column) => `alter table users drop column ${column}`,
  ),
  '0022': ['drop table passkeys', 'drop table spent_challenges'],
  '0023': ['drop index users_roles', 'alter table users drop column roles'],
  '0024': [
    'drop table operator_actions',
    ...['closed', 'disabled', 'name_key_bytes', 'email_key_bytes'].map(
      (name) => `drop index if exists users_${name}`,
    ),
  ],
  '0025': ['drop table imports'],
  '0027': ['drop table invitations'],
  '0028': ['drop table days'],
  '0029': ['drop index users_unconfirmed'],
}

/** Undoes this migration and all later ones. */
export async function undoMigrations(database: string, from: string): Promise<void> {
  const statements = Object.entries(ADDED).flatMap(([step, added]) => (step >= from ? added : []))
  for (const statement of statements) await write(database, statement)
  await write(database, `delete from kysely_migration where name >= '${from}'`)
}
