import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { migrateDatabase } from '../../src/database/migrate.js'
import {
  assertDone,
  assertRefused,
  callGatehouse,
  callIn,
  GATEHOUSE,
  type Outcome,
} from '../support/calling.js'
import { fileOf, freshDatabase, freshFile, lockInserts, rows, write } from '../support/databases.js'
import { Site, until } from '../support/helpers.js'
import { Program } from '../support/program.js'
import { codeAt, halfway, settled, turnOn } from '../support/second-step.js'

interface Context {
  source: string
  target: string
}

const test = suite<Context>('gatehouse copy')

test.before.each(async (context) => {
  context.source = freshFile()
  context.target = await freshDatabase()
})

function copy(from: string, to: string, settings: Record<string, string> = {}): Promise<Outcome> {
  return callGatehouse(['copy', from, to], { database: to, settings: { SESSION_KEYS: '', ...settings } })
}

/** Inserts that many users, each with a slug, a session and 5 events. */
async function fill(url: string, users: number): Promise<void> {
  await migrateDatabase(url)
  await write(
    url,
    `create temp table n as with recursive n(i) as (select 1 union all select i + 1 from n where i < ${users})
       select i, printf('%08x-%d', (i * 2654435761) % 4294967296, i) as id from n;
     insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, created_at, updated_at)
       select id, 'Änne ' || i, 'änne ' || i, 'anne-' || i, i || '@example.com', i || '@example.com',
         '$argon2id$v=19$m=19456,t=2,p=1$' || hex(randomblob(40)), '', 1767225600000 + i, 1767225600000 + i from n;
     insert into slugs select 'anne-' || i, id, null from n;
     insert into sessions (id, token_hash, user_id, kept, login_form, user_agent, address, created_at, last_seen_at,
         authenticated_at, expires_at)
       select 's' || id, 't' || id, id, 1, '', 'Firefox', '192.0.2.1', 1, 2, 3, 4 from n;
     insert into events (id, user_id, kind, about, at, user_agent, address)
       select 'e' || value || n.id, n.id, 'logged_in', null, 1767225600000 + i, 'Firefox', '192.0.2.1'
       from n, json_each('[1, 2, 3, 4, 5]');
     insert into limits select id, 3, 1767225600000 from n where i % 10 = 0;`,
  )
}

async function usersIn(url: string): Promise<number> {
  return (await rows(url, 'select id from users')).length
}

test('moves users, sessions and emails from SQLite to PostgreSQL', async ({ source, target }) => {
  const before = await Site.start({ database: source })
  await before.visitor().signUp('Bela')
  await before.visitor().signUp('Änne')
  const { sessionCookie } = await before.visitor().logIn('Änne')
  await before.mails('Bela@example.com')
  await before.close()

  const outcome = await copy(source, target)
  assertDone(outcome)
  const keyFile = `${fileOf(source)}.key`
  assert.match(outcome.stdout, /^Keep the site stopped until this is done\.$/m)
  assert.match(outcome.stdout, /Row counts and checksums match: users 2, slugs 2, sessions \d/)
  assert.match(outcome.stdout, `SESSION_KEYS="$(cat '${keyFile}')"`)
  const key = readFileSync(keyFile, 'utf8').trim()
  assert.not.match(outcome.stdout, key)

  const after = await Site.start({ database: target, environment: { SESSION_KEYS: key } })
  const [cookie = ''] = sessionCookie.split(';', 1)
  const page = await after.visitor().open('/', { Cookie: cookie })
  assert.match(page.$('nav').text(), 'Änne')
  assert.is((await after.visitor().logIn('bela')).status, 303)
  assert.is((await after.mails('Bela@example.com')).length, 1)
  await after.close()
})

test('names no key file when the source is on PostgreSQL', async ({ target }) => {
  const other = await freshDatabase()
  await migrateDatabase(other)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  writeFileSync(join(folder, 'undefined.key'), 'k'.repeat(43))
  const outcome = await callIn(folder, ['copy', other, target])
  rmSync(folder, { recursive: true })
  assertDone(outcome)
  assert.match(outcome.stdout, 'Start the site with the same SESSION_KEYS as before.')
  assert.not.match(outcome.stdout, 'undefined')
})

test('copies two-step verification: app and recovery codes still log in', async ({ source, target }) => {
  const before = await Site.start({ database: source })
  const { secret, codes } = await turnOn(before, await settled(before, 'Anna'))
  const early = before.visitor()
  await early.send(await halfway(early, 'Anna'), { code: codes[1] })
  await before.write('update users set second_ends_at = 1, password_at = 2, email_at = 3')
  const tables = ['authenticator_apps', 'recovery_sets', 'recovery_codes', 'users']
  // The databases sort texts differently.
  const sorted = async (url: string, table: string) =>
    (await rows(url, `select * from ${table}`)).map((row) => JSON.stringify(row)).sort()
  const all = (url: string) => Promise.all(tables.map((table) => sorted(url, table)))
  await before.allSent()
  const copied = await all(source)
  await before.close()
  assertDone(await copy(source, target))
  assert.equal(
    copied.map((found) => found.length),
    [1, 1, 10, 1],
  )
  assert.equal(await all(target), copied)

  const key = readFileSync(`${fileOf(source)}.key`, 'utf8').trim()
  const after = await Site.start({ database: target, environment: { SESSION_KEYS: key } })
  after.clock.advance(60_000)
  const byApp = after.visitor()
  const response = await byApp.send(await halfway(byApp, 'Anna'), { code: codeAt(secret, after.clock.time) })
  assert.is(response.headers.location, '/')
  after.clock.advance(1_000)
  const byCode = after.visitor()
  assert.is(
    (await byCode.send(await halfway(byCode, 'Anna'), { code: codes[0] ?? '' })).headers.location,
    '/',
  )
  await after.close()
})

test('copies once, however often it runs, and prints the row counts', async ({ source, target }) => {
  await fill(source, 1234)
  await migrateDatabase(target)
  await write(target, "insert into keys values ('00000000', 1, 1)")
  assertDone(await copy(source, target))
  const again = await copy(source, target)
  assertDone(again)
  assert.match(
    again.stdout,
    'Already copied. Row counts and checksums match: users 1234, slugs 1234, sessions 1234, events 6170, limits 123, mails 0, tokens 0, keys 0, erasures 0, authenticator_apps 0, recovery_sets 0, recovery_codes 0, passkeys 0, spent_challenges 0, operator_actions 0, imports 0, invitations 0, days 0.',
  )
  const back = freshFile()
  assertDone(await copy(target, back))
  const all = 'select * from users order by created_at'
  assert.equal(await rows(back, all), await rows(source, all))
  const copied = freshFile()
  const outcome = await copy(back, copied)
  assertDone(outcome)
  assert.is(await usersIn(copied), 1234)
})

test('refuses a target with other data, even one value', async ({ source, target }) => {
  await fill(source, 3)
  assertDone(await copy(source, target))
  await write(
    target,
    "update sessions set address = '192.0.2.2' where token_hash = (select min(token_hash) from sessions)",
  )
  const before = await rows(target, 'select * from sessions order by id')
  const sentence = /^The target holds other data\. Nothing was copied/
  assertNotCopied(await copy(source, target), sentence)
  await write(target, 'delete from sessions')
  assertNotCopied(await copy(source, target), sentence)
  assert.is(before.length, 3)
  assert.is(await usersIn(target), 3)
})

function assertNotCopied({ code, stdout, stderr }: Outcome, sentence: RegExp): void {
  assert.is(code, 1)
  assert.match(stderr, sentence)
  assert.not.match(stdout, 'agree')
}

test('leaves nothing behind when killed, and copies all when run again', async ({ source, target }) => {
  await fill(source, 3_000)
  const program = new Program([GATEHOUSE, 'copy', source, target], { cwd: tmpdir() })
  await until(async () => (await rows(target, INSERTING)).length > 0, 'it inserts events')
  program.signal('SIGKILL')
  assert.is(await program.end, 'SIGKILL')
  await until(async () => (await rows(target, INSERTING)).length === 0, 'its server process has ended')
  assert.is(await usersIn(target), 0)
  assertDone(await copy(source, target))
  assert.is(await usersIn(target), 3_000)
})

const INSERTING = `select 1 from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and query like 'insert into "events"%'`

test('copies nothing if the source changed during the copy', async ({ source, target }) => {
  await fill(source, 10)
  await migrateDatabase(target)
  const release = await lockInserts(target)
  const copying = copy(source, target)
  await until(async () => (await rows(target, WAITING)).length > 0, 'it waits to insert')
  await write(source, "update users set name = 'Anna' where email = '1@example.com'")
  await release()
  assertNotCopied(await copying, /^The source changed during the copy\. Nothing was copied\. Stop the site/)
  assert.is(await usersIn(target), 0)
  assertDone(await copy(source, target))
})

// Others use the server, too.
const WAITING = `select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
  where datname = current_database() and not granted`

test('uses DATABASE_URL as target, so its password is not an argument', async ({ source, target }) => {
  await fill(source, 1)
  assertDone(await callGatehouse(['copy', source], { database: target }))
  assert.is(await usersIn(target), 1)
})

test('says what is wrong with the usage or the source', async ({ source, target }) => {
  assertRefused(await callGatehouse(['copy'], { database: target }), 2, /gatehouse copy <from>/)
  assertRefused(
    await callGatehouse(['copy', 'a', 'b', 'c'], { database: target }),
    2,
    /gatehouse copy <from>/,
  )
  assertRefused(await copy(source, target), 1, /^Database not found: /)
  await migrateDatabase(source)
  await write(source, "delete from kysely_migration where name = '0011-disabled'")
  assertNotCopied(
    await copy(source, target),
    /^The source is missing migrations: 0011-disabled\. Run gatehouse migrate first\.$/m,
  )
  const good = freshFile()
  await migrateDatabase(good)
  assertNotCopied(await copy(good, 'postgres://127.0.0.1:1/none'), /127\.0\.0\.1/)
})

test.run()
