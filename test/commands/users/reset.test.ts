import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../../../src/database/locate.js'
import {
  assertDone,
  assertRefused,
  callGatehouse,
  GATEHOUSE,
  type Outcome,
  settled,
} from '../../support/calling.js'
import { settingsFor } from '../../support/databases.js'
import { type Mail, migratedDatabase, PASSWORD, Site, type Visitor } from '../../support/helpers.js'
import { Program } from '../../support/program.js'

const test = suite('gatehouse users reset and delete')
let database: string
let site: Site

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
})
test.after.each(() => site.close())

const ANOTHER = 'another horse 43'

function call(args: string[], { input = '', ...settings }: Record<string, string> = {}): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database, settings, input })
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open('/members/')).status === 200
}

test('reset logs the user out and emails a link to choose a new password', async () => {
  const visitor = await site.visitor().settle('Anna')
  await site.emptyMailbox()
  const done = await call(['reset', 'anna'])
  assertDone(done)
  assert.match(done.stdout, /^Reset the password of Anna\. An email with a link/)
  assert.not.ok(await isLoggedIn(visitor))
  assert.is((await visitor.logIn('Anna')).status, 406)
  site.clock.time = Date.now() + 1000
  const mail = await site.mail('Anna@example.com')
  assert.not.match(done.stdout, mail.link)
  const reader = site.visitor()
  await reader.send(await reader.follow(mail), { password: ANOTHER, repassword: ANOTHER })
  await reader.logIn('Anna', { password: ANOTHER })
  assert.ok(await isLoggedIn(reader))
})

for (const [what, args] of [
  ['a reset', ['reset', 'Anna', '--password-stdin']],
  ['enabling', ['enable', 'Anna']],
  ['an unlock', ['unlock', 'Anna']],
] as const) {
  test(`${what} clears the failed attempts of strangers`, async () => {
    const environment = { LIMIT_LOGIN_ROW: '5/30d', LIMIT_LOGIN_NAME: '100/1m', SESSION_KEYS: 'A'.repeat(43) }
    const held = await Site.start({ database, environment })
    await held.visitor().signUp('Anna')
    for (const username of [...Array(5).fill('Anna'), ...Array(5).fill('anna@example.com')]) {
      await held.visitor().logIn(username, { password: 'wrong' })
    }
    assert.is((await held.visitor().logIn('Anna')).status, 429)
    if (what === 'enabling') await held.write('update users set disabled_at = 1')
    // Makes the site's counts valid at the command's time.
    await held.write(`update limits set resets_at = ${Date.now() + 86_400_000}`)
    assertDone(await call([...args], { input: PASSWORD, SESSION_KEYS: environment.SESSION_KEYS }))
    assert.is((await held.visitor().logIn('Anna')).status, 303)
    await held.close()
  })
}

test('reset ends emailed links, except those that undo a change', async () => {
  await site.visitor().signUp('Bela')
  await site.emptyMailbox()
  const [user] = await site.rows<{ id: string }>('select id from users')
  for (const purpose of ['email-confirm', 'password-reset', 'email-change', 'email-undo', 'account-reopen']) {
    await site.write(
      `insert into tokens (hash, purpose, user_id, email, email_key, code_tries, code_expires_at, created_at, expires_at)
       values ('${purpose}', '${purpose}', '${user?.id}', 'x', 'x', 0, 0, 0, 9999999999999)`,
    )
  }
  const input = `${ANOTHER}\r\n`
  assertDone(await call(['reset', 'Bela', '--password-stdin'], { input }))
  const left = await site.rows<{ purpose: string }>('select purpose from tokens order by purpose')
  assert.equal(
    left.map(({ purpose }) => purpose),
    ['account-reopen', 'email-undo'],
  )
  const visitor = site.visitor()
  await visitor.logIn('Bela', { password: ANOTHER })
  assert.ok(await isLoggedIn(visitor))
  assert.match((await visitor.open('/account/activity/')).text, 'Password reset, all devices logged out')
  site.clock.time = Date.now() + 1000
  const isNotice = ({ text }: Mail) => /password of your account was changed/.test(text)
  const { text } = await site.mailThat('Bela@example.com', isNotice)
  assert.match(text, /^By the people who run this site$/m)
  assert.not.match(text, /Device:|gatehouse/)
})

test('reset is refused if the user could not log in afterwards', async () => {
  await site.visitor().signUp('Cora')
  assertRefused(await call(['reset', 'Cora'], { MAIL: 'off' }), 1, /MAIL=off/)
  assertRefused(
    await call(['reset', 'Cora', '--password-stdin'], { input: 'Cora@example.com' }),
    1,
    /^Password must not be mostly your username/,
  )
  await site.write('update users set disabled_at = 1')
  assertRefused(await call(['reset', 'Cora']), 1, /^Cora is disabled, so no email/)
  await site.write('update users set disabled_at = null')
  assert.is((await site.visitor().logIn('Cora')).status, 303, 'the password is unchanged')
})

test('delete removes the user from every table but that of operators, and frees the username', async () => {
  const visitor = await site.visitor().settle('Dora')
  await site.mails('Dora@example.com', 1)
  assertRefused(await call(['delete', 'Dora']), 2, /^There is no terminal to confirm in\. Add --yes/)
  assert.ok(await isLoggedIn(visitor))
  const done = await call(['delete', 'Dora@example.com', '--yes'])
  assertDone(done)
  assert.is(done.stdout, 'Deleted Dora.\n')
  assert.not.ok(await isLoggedIn(visitor))
  const [action] = await site.rows<{ kind: string; user_name: string }>(
    'select kind, user_name from operator_actions',
  )
  assert.equal(action, { kind: 'account_erased', user_name: 'Dora' })
  for (const table of (await tables()).filter((table) => table !== 'operator_actions')) {
    const rows = await site.rows(`select * from ${table}`)
    assert.not.match(JSON.stringify(rows), /dora/i, table)
    // The table of erasures keeps the id until onEvent has run, and days only has counts.
    if (!['limits', 'keys', 'erasures', 'days', 'kysely_migration', 'kysely_migration_lock'].includes(table))
      assert.equal(rows, [], table)
  }
  assertRefused(await call(['delete', 'Dora', '--yes']), 1, /^No user found: Dora\.$/m)
  await site.visitor().settle('Dora')
})

function tables(): Promise<string[]> {
  const sql = isPostgresUrl(database)
    ? "select tablename as name from pg_tables where schemaname = 'public'"
    : "select name from sqlite_schema where type = 'table'"
  return site.rows<{ name: string }>(sql).then((found) => found.map(({ name }) => name))
}

/** Calls it in a real terminal, and types `typed` at its first question. */
async function inTerminal(args: string[], typed: string): Promise<{ code: unknown; screen: string }> {
  const cwd = settled(settingsFor(database))
  const line = [process.execPath, GATEHOUSE, 'users', ...args].map((word) => `'${word}'`).join(' ')
  const program = new Program(['-e', SCRIPT, line], { cwd })
  if (typed !== '') {
    await program.says(/(?:confirm|Password): /)
    program.hear(typed)
  }
  return { code: await program.end, screen: program.stdout }
}

// util-linux's `script` provides a terminal, and returns the exit code.
const SCRIPT = `const { spawn } = require('node:child_process')
const child = spawn('script', ['-qec', process.argv[1], '/dev/null'], { stdio: 'inherit' })
child.on('close', (code) => process.exit(code))`

const withTerminal = process.platform === 'linux' && existsSync('/usr/bin/script') ? test : test.skip

withTerminal('in a terminal, delete asks for the username first', async () => {
  await site.visitor().signUp('Erna')
  const wrong = await inTerminal(['delete', 'Erna@example.com'], 'erna?')
  assert.is(wrong.code, 1, wrong.screen)
  assert.match(wrong.screen, 'The username does not match. Nothing was deleted.')
  assert.is((await site.rows('select id from users')).length, 1)
  const right = await inTerminal(['delete', 'Erna@example.com'], 'Erna')
  assert.is(right.code, 0, right.screen)
  assert.match(right.screen, 'Deleted Erna.')
  assert.equal(await site.rows('select id from users'), [])
})

withTerminal('in a terminal, a typed password is not shown', async () => {
  await site.visitor().signUp('Fora')
  const { code, screen } = await inTerminal(['reset', 'Fora', '--password-stdin'], ANOTHER)
  assert.is(code, 0, screen)
  assert.is(screen.split(ANOTHER).length - 1, 0, screen)
  assert.is((await site.visitor().logIn('Fora', { password: PASSWORD })).status, 406)
  assert.is((await site.visitor().logIn('Fora', { password: ANOTHER })).status, 303)
})

test.run()
