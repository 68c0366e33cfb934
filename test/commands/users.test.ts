import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../support/calling.js'
import { rows } from '../support/databases.js'
import { migratedDatabase, PASSWORD, Site } from '../support/helpers.js'
import { createUser, newUser } from '../support/rows.js'

const test = suite('gatehouse users')
let database: string

test.before.each(async () => {
  database = await migratedDatabase()
})

function call(args: string[], { input = '', ...settings }: Record<string, string> = {}): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database, settings, input })
}

/** Creates users in the order of their names, a second apart. */
async function withUsers(...names: string[]): Promise<void> {
  const opened = await openDatabase(database)
  for (const [index, name] of names.entries()) {
    const createdAt = Date.UTC(2026, 0, 1, 0, 0, index)
    assert.ok(await createUser(opened, newUser(name, { createdAt })))
  }
  await opened.close()
}

async function withSite(work: (site: Site) => Promise<void>): Promise<void> {
  const site = await Site.start({ database })
  try {
    await work(site)
  } finally {
    await site.close()
  }
}

async function names(...args: string[]): Promise<string[]> {
  const outcome = await call(['list', '--json', ...args])
  assertDone(outcome)
  const { users }: { users: { name: string }[] } = JSON.parse(outcome.stdout)
  return users.map(({ name }) => name)
}

test('help lists the commands, and wrong usage gets one sentence', async () => {
  const all = await call(['--help'])
  for (const verb of ['list', 'show', 'create', 'disable', 'enable', 'reset', 'delete']) {
    assert.match(all.stdout, new RegExp(`^ +${verb} +[A-Z]`, 'm'))
  }
  const one = await call(['disable', '--help'])
  assertDone(one)
  assert.match(one.stdout, /^Usage: gatehouse users disable /)
  assert.not.match(one.stdout, 'gatehouse users enable')
  assertRefused(await call([]), 2, /^Missing command\. Run gatehouse users --help/)
  assertRefused(await call(['burn\u001b[31m']), 2, /^Unknown command: gatehouse users burn�\[31m\. Run/)
  assertRefused(await call(['list', '--state', 'lost']), 2, /^--state must be one of open,/)
  assertRefused(await call(['list', '--limit', '0']), 2, /^--limit must be a number from 1/)
  assertRefused(await call(['list', '--after', 'x']), 2, /^--after must be a place/)
  assertRefused(await call(['list', '--json', '--csv']), 2, /^Use --json or --csv/)
  assertRefused(await call(['show']), 2, /^Missing user\. Usage: gatehouse users show </)
  assertRefused(
    await call(['create', 'Anna']),
    2,
    /^Missing username or email address\. Usage: gatehouse users create </,
  )
})

test('show prints all stored data except secrets, by username, email or id', async () => {
  await withSite(async (site) => {
    // The command uses the real clock.
    site.clock.time = Date.now()
    const visitor = site.visitor()
    visitor.agent.set('User-Agent', 'Evil/1.0 \u009b31m')
    await visitor.settle('Anna')
    await site.mails('Anna@example.com', 1)
  })
  const [stored] = await rows<Record<string, string>>(
    database,
    'select u.id, u.password_hash, u.device_stamp, s.token_hash, t.hash from users u, sessions s, tokens t',
  )
  for (const who of ['ANNA', 'anna@EXAMPLE.com', stored?.id ?? '']) {
    const shown = await call(['show', who])
    assertDone(shown)
    assert.match(shown.stdout, /^name +Anna$/m)
    assert.match(shown.stdout, /^signed_up +- +20\d\d-\d\d-\d\dT/m)
    for (const title of ['slugs', 'sessions', 'tokens', 'mails', 'events']) {
      assert.match(shown.stdout, new RegExp(`^${title}:$`, 'm'))
    }
    assert.not.match(shown.stdout, /[^\P{Cc}\n]/u, 'no control characters are printed')
  }
  const { stdout } = await call(['show', 'anna', '--json'])
  assert.not.match(stdout, /[^\P{Cc}\n]/u)
  const shown = JSON.parse(stdout)
  assert.match(shown.account.createdAt, /^20\d\d-\d\d-\d\dT[\d:.]+Z$/)
  assert.is(shown.events[0].kind, 'logged_in')
  assert.is(shown.sessions.length, 1)
  for (const secret of ['password_hash', 'token_hash', 'hash'] as const) {
    const text = stored?.[secret] ?? ''
    assert.ok(text.length > 10 && !stdout.includes(text), secret)
  }
  assert.not.match(stdout, /hash|stamp|mac/i)
  assertRefused(await call(['show', 'bela']), 1, /^No user found: bela\.$/m)
})

test('create with a password: the user can log in', async () => {
  await withUsers()
  const made = await call(['create', ' Anna ', 'anna@example.com', '--confirmed', '--password-stdin'], {
    input: `${PASSWORD}\n`,
  })
  assertDone(made)
  assert.is(made.stdout, 'Created Anna.\n')
  await withSite(async (site) => {
    site.clock.time = Date.now()
    const visitor = site.visitor()
    await visitor.logIn('anna')
    assert.match((await visitor.open('/account/activity/')).text, 'gatehouse')
    assert.equal(await site.rows("select kind from mails where kind = 'email-confirm'"), [])
  })
  const events = await rows(database, "select actor, user_agent from events where kind = 'signed_up'")
  assert.equal(events, [{ actor: 'cli:users create', user_agent: '' }])
  assert.equal(await names('--state', 'unconfirmed'), [])
})

test('create without a password: the emailed link sets one and confirms the email', async () => {
  await withUsers()
  const settings = { EMAIL_CONFIRMATION: 'required', PRIVATE_EMAILS: 'true' }
  const made = await call(['create', 'Anna', 'anna@example.com'], settings)
  assertDone(made)
  assert.match(made.stdout, /^Created Anna\. An email with a link to choose a password/)
  const site = await Site.start({ database, environment: settings })
  site.clock.time = Date.now() + 1000
  const mail = await site.mail('anna@example.com')
  const visitor = site.visitor()
  await visitor.send(await visitor.follow(mail), { password: PASSWORD, repassword: PASSWORD })
  await visitor.logIn('Anna')
  assert.is((await visitor.open('/account/')).status, 200)
  await site.close()
})

test('create refuses what sign-up refuses, with every error', async () => {
  await withUsers('anna')
  const { code, stdout, stderr } = await call(['create', 'x', 'nobody', '--password-stdin'], { input: '123' })
  assert.is(code, 1)
  assert.is(stdout, '')
  assert.equal(stderr.trimEnd().split('\n'), [
    'Username must be between 3 and 25 characters.',
    'Enter an email address like name@example.com.',
    'Password must be at least 8 characters.',
    'This password is too common. Choose one that is harder to guess.',
  ])
  const taken = await call(['create', 'Anna', 'ANNA@example.com', '--password-stdin'], {
    input: PASSWORD,
    EMAIL_CONFIRMATION: 'required',
    PRIVATE_EMAILS: 'true',
  })
  assert.equal(taken.stderr.trimEnd().split('\n'), [
    'This username is already taken.',
    'There is already an account with this email address.',
  ])
  const create = ['create', 'Bela', 'bela@example.com']
  assertRefused(await call(create, { MAIL: 'off' }), 1, /MAIL=off/)
  const lines = { input: 'one line\nand another' }
  assertRefused(await call([...create, '--password-stdin'], lines), 1, /must be one line/)
  assert.equal(await names(), ['anna'])
})

test.run()
