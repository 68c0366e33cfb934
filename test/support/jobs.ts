/* Which test files run, on which databases, and in which order. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

type Database = 'SQLite' | 'PostgreSQL'

/** One file, on one database if it opens one. */
export interface Job {
  file: string
  database: Database | undefined
}

/**
 * These test pages, requests, passwords, processes and texts, which are the same on both databases, so they run only on
 * SQLite, like those of the browser.
 */
const ON_SQLITE = [
  'accounts/hints',
  'accounts/imported-passwords',
  'app-file',
  'cli',
  'commands/templates',
  'dev/',
  'heavy/storm',
  'home',
  'html',
  'secrets/challenge',
  'secrets/foreign-hash',
  'secrets/hashing',
  'secrets/password',
  'server/cluster',
  'server/metrics',
  'server/start',
  'server/stop',
  'switches',
  'testing',
  'views/',
  'web/base-path',
  'web/cookie',
  'web/csrf',
  'web/form',
  'web/network',
  'web/onward',
  'web/query',
  'web/reflection',
  'web/routes',
  'well-known',
]

/**
 * These send one request after another, and each statement of theirs also runs on PostgreSQL in another file. There they
 * run only with --heavy. A file that is not here runs on both databases each time.
 */
const HEAVY_ON_POSTGRES = [
  'accounts/confirmation-rule',
  'accounts/generated-name',
  'accounts/identity',
  'accounts/in-use',
  'accounts/lost-attacks',
  'accounts/mailbox',
  'accounts/no-emails',
  'accounts/private-emails',
  'accounts/second-limits',
  'accounts/second-rule',
  'accounts/security-log',
  'accounts/unconfirmed-mail',
  'commands/sessions',
  'commands/users',
  'commands/users/change',
  'commands/users/disable',
  'commands/users/import',
  'commands/users/role',
  'commands/users/two-step',
  'features/account/authenticator',
  'features/account/index',
  'features/account/password/remove',
  'features/account/recovery-codes',
  'features/account/two-step',
  'features/admin/index',
  'features/admin/mails',
  'features/login/two-step/passkey',
  'features/logout',
  'features/password/confirm',
  'features/password/confirm/passkey',
  'features/users',
  'same-work',
  'visitor/another-account',
  'visitor/another-second-step',
  'visitor/confirmed-guard',
  'visitor/guards',
  'visitor/host-login',
  'visitor/host-sessions',
  'visitor/jumps',
  'visitor/known-devices',
  'visitor/links',
  'visitor/login-after',
  'visitor/login-step',
  'visitor/login-steps',
  'visitor/notes',
  'visitor/role-guard',
  'visitor/session',
  'visitor/text-browser',
  'visitor/thrifty-two-step',
  'visitor/two-step',
  'web/notices',
]

const ALONE = ['accounts/username-rules', 'accounts/hints', 'database/handle.sqlite', 'database/unwritable']

/** Files that take longer than others of their size. */
const LONG = [
  'app-file',
  'browser/mounted',
  'browser/passkeys',
  'browser/two-step',
  'cli',
  'commands/backup.sqlite',
  'commands/restore.sqlite',
  'dev/gallery',
  'dev/index',
  'docs/mount',
  'mail/queue',
  'run',
  'server/',
  'views/languages',
]

export const KINDS = ['browser', 'PostgreSQL', 'other'] as const
export type Kind = (typeof KINDS)[number]

const IMPORT = /\bfrom '(\.[^']+)'/g

const TESTS = join(import.meta.dirname, '..')
const DATABASES = join(import.meta.dirname, 'databases.js')

/** Returns what a run has to do, or the files whose names contain one of the words, on each of their databases. */
export function jobsFor({ words, heavy }: { words: readonly string[]; heavy: boolean }): Job[] {
  const files = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.test.js'))
  if (words.length === 0) return inOrder(files.flatMap(jobsOf).filter((job) => isLong(job) === heavy))
  return inOrder(files.filter((file) => words.some((word) => file.includes(word))).flatMap(jobsOf))
}

function isLong({ file, database }: Job): boolean {
  return isHeavy(file) || (database === 'PostgreSQL' && isIn(HEAVY_ON_POSTGRES, file))
}

/** Puts short files last, so that no long one ends alone. */
function inOrder(jobs: Job[]): Job[] {
  const sizes = new Map(jobs.map(({ file }) => [file, statSync(join(TESTS, file)).size]))
  const sizeOf = ({ file }: Job) => (isIn(LONG, file) ? Number.MAX_VALUE : (sizes.get(file) ?? 0))
  return jobs.sort((one, other) => Math.sign(sizeOf(other) - sizeOf(one)))
}

/** Returns the databases of a file. `….sqlite.test.ts` and `….postgres.test.ts` run only on that one. */
function jobsOf(file: string): Job[] {
  if (isForBrowser(file) || isIn(ON_SQLITE, file)) return [{ file, database: 'SQLite' }]
  if (file.endsWith('.sqlite.test.js')) return [{ file, database: 'SQLite' }]
  if (file.endsWith('.postgres.test.js')) return [{ file, database: 'PostgreSQL' }]
  if (!leadsTo(DATABASES, join(TESTS, file))) return [{ file, database: undefined }]
  return [
    { file, database: 'SQLite' },
    { file, database: 'PostgreSQL' },
  ]
}

/** Whether a test file imports the other one, directly or indirectly. */
function leadsTo(wanted: string, file: string): boolean {
  if (file === wanted) return true
  const imported = [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, path = '']) =>
    join(dirname(file), path),
  )
  return imported.some((path) => path.startsWith(TESTS) && leadsTo(wanted, path))
}

/** Whether the file changes or measures its whole process. */
export function runsAlone({ file }: Job): boolean {
  return isIn(ALONE, file)
}

export function kindOf({ file, database }: Job): Kind {
  if (isForBrowser(file)) return 'browser'
  return database === 'PostgreSQL' ? 'PostgreSQL' : 'other'
}

export function isForBrowser(file: string): boolean {
  return file.startsWith('browser/')
}

export function isHeavy(file: string): boolean {
  return file.startsWith('heavy/')
}

/** Whether the file measures speed. */
export function isMeasuring(file: string): boolean {
  return file.startsWith('heavy/bench/')
}

/** Whether the list names the file, or its folder with a `/` at the end. */
function isIn(list: readonly string[], file: string): boolean {
  return list.some((name) => file === `${name}.test.js` || (name.endsWith('/') && file.startsWith(name)))
}
