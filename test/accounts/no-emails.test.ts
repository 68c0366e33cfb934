import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AccountsOptions, accounts, type CreatedAccount, readConfig } from '../../src/index.js'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../support/calling.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../support/helpers.js'
import { Host } from '../support/host.js'
import { sentTwice } from '../support/lost-response.js'
import { addPasskey, Device, useToLogIn } from '../support/passkey.js'
import { codeAt, turnOn } from '../support/second-step.js'

/* A site whose accounts have a username and a password, and no email address. */
const test = suite('accounts without an email address')
const NONE = { EMAILS: 'none' }
const CHANGED = 'another horse 43'
let site: Site

test.before.each(async () => {
  site = await Site.start({ host: 'localhost', environment: NONE })
})
test.after.each(() => site.close())

const typed = { username: 'Vera', password: PASSWORD, repassword: PASSWORD }

/** What a reader could see of it: texts, labels, addresses, hints. */
function speaksOfEmail({ text }: Page): boolean {
  return /e-?mail/i.test(text)
}

async function signedUp(at = site, { htmx = false } = {}): Promise<Visitor> {
  const visitor = at.visitor({ htmx })
  await visitor.send(await visitor.open('/signup/'), typed)
  await visitor.logIn('Vera')
  return visitor
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: a username and a password are all that an account takes`, async () => {
    const visitor = site.visitor({ htmx })
    const page = await visitor.open('/signup/')
    assert.equal(
      page
        .$('main form input:not([type=hidden])')
        .toArray()
        .map((input) => page.$(input).attr('name')),
      ['username', 'password', 'repassword'],
    )
    assert.is(page.$('#username').attr('autocomplete'), 'username')
    assert.is((await visitor.send(page, typed)).status, htmx ? 200 : 303)
    const login = await visitor.open('/login/')
    assert.is(login.$('label[for=username]').text(), 'Username')
    await visitor.send(login, { username: 'vera', password: PASSWORD })
    assert.match((await visitor.open('/account/')).text, 'Vera')
    const [stored] = await site.rows<{ email: string }>('select email from users')
    assert.is(stored?.email, '')
  })
}

const PAGES = [
  ...['/', '/account/', '/account/name/', '/account/password/', '/account/devices/', '/account/activity/'],
  ...['/account/two-step/', '/account/authenticator/', '/account/passkeys/', '/account/export/'],
  ...['/account/close/', '/users/vera/', '/members/', '/members/recent/'],
]

test('no page speaks of email, and those that need it are not there', async () => {
  const visitor = await signedUp()
  for (const path of PAGES) {
    const page = await visitor.open(path)
    assert.is(page.status, 200, path)
    assert.not(speaksOfEmail(page), path)
  }
  for (const path of ['/', '/login/', '/signup/'])
    assert.not(speaksOfEmail(await site.visitor().open(path)), path)
  for (const path of ['/password/forgot/', '/email/confirm/', '/account/email/', '/login/two-step/lost/']) {
    assert.is((await visitor.open(path)).status, 404, path)
  }
})

test('no error speaks of email', async () => {
  await signedUp()
  const visitor = site.visitor()
  const own = { username: 'Vera', password: 'vera vera', repassword: 'vera vera' }
  const refused = [
    await visitor.logIn('', { password: '' }),
    await visitor.logIn('nobody'),
    await visitor.logIn('nobody@example.com'),
    await visitor.logIn('Vera', { password: 'wrong' }),
    await visitor.send(await visitor.open('/signup/'), own),
    await visitor.send(await visitor.open('/signup/'), { username: '', password: '', repassword: '' }),
  ]
  for (const page of refused) {
    assert.is(page.status, 406)
    assert.not(speaksOfEmail(page), page.messages().join(' '))
  }
  assert.equal(
    refused.map((page) => page.messages()[0]),
    [
      '⚠ Enter your username.',
      '⚠ There is no account with this username. Check the spelling.',
      '⚠ The username or password is not correct. Try again.',
      '⚠ The password is not correct. Try again.',
      '⚠ This username is already taken.',
      '⚠ Choose a username.',
    ],
  )
  assert.ok(
    refused[4]?.messages().includes('⚠ Password must not be mostly your username or the name of this site.'),
  )
  const generic = await Site.start({ environment: { ...NONE, LOGIN_ERRORS: 'generic' } })
  const [message] = (await generic.visitor().logIn('nobody')).messages()
  assert.is(message, '⚠ The username or password is not correct. Try again.')
  await generic.close()
})

test('what is sent as an email address is ignored', async () => {
  const visitor = site.visitor()
  await visitor.send(await visitor.open('/signup/'), { ...typed, email: 'vera@example.com' })
  assert.equal(await site.rows('select email from users'), [{ email: '' }])
})

test('many accounts have none, and a form whose response was lost makes one', async () => {
  const visitor = site.visitor()
  const response = await sentTwice(site, visitor, await visitor.open('/signup/'), typed)
  assert.is(response.status, 303)
  for (const username of ['Bela', 'Anna']) {
    const other = site.visitor()
    await other.send(await other.open('/signup/'), { ...typed, username })
  }
  assert.is((await site.rows('select 1 from users')).length, 3)
})

test('what emails would tell is in the activity, and nothing waits to be sent', async () => {
  const visitor = await signedUp()
  await visitor.send(await visitor.open('/account/name/'), { username: 'Vera B' })
  const change = { current: PASSWORD, password: CHANGED, repassword: CHANGED }
  await visitor.send(await visitor.open('/account/password/'), change)
  await site.visitor().logIn('Vera B', { password: CHANGED })
  for (let tries = 0; tries < 12; tries += 1) await site.visitor().logIn('Vera B', { password: 'wrong' })
  // Failures are stored together, a moment later.
  await until(
    async () => (await site.rows("select 1 from events where kind = 'login_failed'")).length > 0,
    'failures',
  )
  const activity = (await visitor.open('/account/activity/')).text
  for (const event of ['Username changed', 'Password changed', 'Logged in', 'Failed login']) {
    assert.match(activity, event)
  }
  await visitor.send(await visitor.open('/account/close/'))
  assert.equal(await site.rows('select kind from mails'), [])
})

test('two-step verification and passkeys work, and nothing is turned off by email', async () => {
  const visitor = await signedUp()
  const device = new Device()
  await addPasskey(site, visitor, device)
  const passkey = site.visitor()
  await useToLogIn(site, passkey, device)
  assert.is((await passkey.open('/account/')).status, 200)
  const { secret, codes } = await turnOn(site, visitor)
  assert.is(codes.length, 10)
  const other = site.visitor()
  await other.logIn('Vera')
  const second = await other.open('/login/two-step/')
  assert.not(speaksOfEmail(second))
  await other.send(second, { code: codeAt(secret, site.clock.time) })
  assert.is((await other.open('/account/')).status, 200)
})

// ── code, commands and admins ────────────────────────────────────────────────────────────────────────────────────────

test('in code an account may have an address, and needs none', async () => {
  const host = await Host.start({ emails: 'none' })
  const { accounts } = host.gatehouse
  const none = await accounts.create({ name: 'Vera', password: PASSWORD })
  const kept = await accounts.create({
    name: 'Bela',
    email: 'bela@example.com',
    password: PASSWORD,
    confirmed: true,
  })
  assert.ok(none.ok && kept.ok)
  assert.is(none.user.email, null)
  assert.is(none.user.emailConfirmedAt, null)
  assert.is((await accounts.byEmail('BELA@example.com'))?.id, kept.user.id)
  assert.is(await accounts.byEmail(''), undefined)
  assert.is(await accounts.confirm(none.user.id), false)
  assert.equal(await accounts.setPassword(none.user.id, CHANGED), [])
  assert.equal((await accounts.list({ state: 'unconfirmed' })).users, [])
  assert.equal(codesIn(await accounts.create({ name: 'Cora', email: 'no address', password: PASSWORD })), [
    'email_invalid',
  ])
  assert.match(await accounts.resetPassword(none.user.id).then(() => 'done', String), 'option mail or emails')
  await host.close()
  const asking = await Host.start()
  const refused = await asking.gatehouse.accounts.create({ name: 'Vera', password: PASSWORD })
  assert.equal(codesIn(refused), ['email_missing'])
  await asking.close()
})

function codesIn(outcome: CreatedAccount): string[] {
  return outcome.ok ? [] : outcome.errors.map(({ code }) => code)
}

function call(args: string[], settings: Record<string, string> = NONE, input = PASSWORD): Promise<Outcome> {
  return callGatehouse(args, { database: site.database, settings, input })
}

test('commands take an account without an address', async () => {
  site.clock.time = Date.now()
  const created = await call(['users', 'create', 'Vera', '--password-stdin'])
  assertDone(created)
  assert.is(created.stdout, 'Created Vera.\n')
  assertRefused(
    await call(['users', 'create', 'Bela', '--password-stdin'], {}),
    2,
    /^Missing username or email/,
  )
  assertRefused(await call(['users', 'create', 'Bela']), 1, /EMAILS=none/)
  assertRefused(await call(['users', 'reset', 'Vera'], {}), 1, /^Vera has no email address\./)
  assertRefused(await call(['users', 'confirm', 'Vera']), 1, /^Vera has no email address\./)
  assertRefused(await call(['users', 'resend', 'Vera'], {}), 1, /^Vera has no email address\./)
  assert.match((await call(['users', 'list'])).stdout, /^Vera +none +no +open/m)
  const [listed] = JSON.parse((await call(['users', 'list', '--json'])).stdout).users
  assert.is(listed.email, null)
  assert.equal(
    JSON.parse((await call(['users', 'list', '--json', '--state', 'unconfirmed'])).stdout).users,
    [],
  )
  assertDone(await call(['users', 'reset', 'Vera', '--password-stdin'], NONE, CHANGED))
  assert.is((await site.visitor().logIn('Vera', { password: CHANGED })).status, 303)
})

test('an export without addresses is imported by another site', async () => {
  await signedUp()
  const exported = await call(['users', 'export', '--ndjson', '--hashes'])
  assertDone(exported)
  const person = JSON.parse(exported.stdout)
  assert.is(person.email, null)
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-test-'))
  const file = join(folder, 'users')
  writeFileSync(file, `${exported.stdout}${JSON.stringify({ ...person, id: '2', username: 'Bela' })}\n`)
  const other = await Site.start({ environment: NONE })
  const bring = (...args: string[]) =>
    callGatehouse(['users', 'import', file, '--from', 'ndjson', ...args], {
      database: other.database,
      settings: NONE,
    })
  assert.match((await bring('--dry-run')).stdout, '2 users')
  assert.is((await bring()).stdout, 'Imported 2 users.\n')
  assert.equal(await other.rows('select email from users'), [{ email: '' }, { email: '' }])
  other.clock.time = Date.now()
  assert.is((await other.visitor().logIn('Bela')).status, 303)
  await other.close()
  rmSync(folder, { recursive: true })
})

test('check says that no mail server is needed', async () => {
  assert.match((await call(['check'])).stdout, /^✔ mail: EMAILS is none\..* needed\..*gatehouse users reset/m)
})

test('admin pages show an account without an address, and offer nothing about emails', async () => {
  const visitor = await signedUp()
  await turnOn(site, visitor)
  await site.write("update users set roles = 'admin'")
  const [{ id } = { id: '' }] = await site.rows<{ id: string }>('select id from users')
  for (const path of ['/admin/', '/admin/users/', '/admin/users/?q=ve', `/admin/users/${id}/`]) {
    const page = await visitor.open(path)
    assert.is(page.status, 200, path)
    assert.not(speaksOfEmail(page), path)
    assert.not.match(page.text, 'Unconfirmed')
  }
  const found = async (q: string) => (await visitor.open(`/admin/users/?q=${q}`)).$('main h2').text()
  assert.equal([await found('ve'), await found('none'), await found('unconfirmed')], ['Vera', '', ''])
  for (const action of ['rename', 'role', 'disable', 'delete']) {
    assert.not(speaksOfEmail(await visitor.open(`/admin/users/${id}/${action}/`)), action)
  }
})

// ── a site that changes the option ───────────────────────────────────────────────────────────────────────────────────

test('accounts that have an address keep it, and log in with either', async () => {
  const asking = await Site.start()
  const visitor = asking.visitor()
  await visitor.signUp('Bela')
  await asking.allSent()
  await asking.close()
  const none = await Site.start({ database: asking.database, environment: NONE })
  for (const name of ['Bela', 'bela@example.com']) assert.is((await none.visitor().logIn(name)).status, 303)
  const vera = await signedUp(none)
  assert.is((await vera.open('/account/')).status, 200)
  assert.match(
    (await none.visitor().logIn('bela@example.com', { password: 'wrong' })).messages()[0] ?? '',
    'username or password',
  )
  const rows = await none.rows<{ name: string; email: string }>('select name, email from users order by name')
  assert.equal(
    rows.map(({ name, email }) => [name, email.toLowerCase()]),
    [
      ['Bela', 'bela@example.com'],
      ['Vera', ''],
    ],
  )
  await none.close()
})

for (const EMAIL_CONFIRMATION of ['optional', 'required']) {
  test(`where addresses are asked for again (${EMAIL_CONFIRMATION}), an account adds one`, async () => {
    await signedUp()
    const asking = await Site.start({ database: site.database, environment: { EMAIL_CONFIRMATION } })
    const visitor = asking.visitor()
    assert.is((await visitor.logIn('Vera')).status, 303)
    assert.match((await visitor.open('/account/')).text, 'None')
    assert.match((await visitor.open('/account/email/')).text, 'The address counts once you confirm it.')
    for (const path of [
      '/',
      '/account/email/',
      '/account/export/',
      '/account/close/',
      '/account/two-step/',
    ]) {
      assert.is((await visitor.open(path)).status, 200, path)
    }
    for (const path of ['/email/confirm/', '/email/confirm/address/']) {
      assert.is((await visitor.open(path)).headers.location, '/account/email/', path)
    }
    const forgot = asking.visitor()
    await forgot.send(await forgot.open('/password/forgot/'), { username: 'Vera' })
    await visitor.send(await visitor.open('/account/name/'), { username: 'Vera B' })
    assert.equal(await asking.mails(undefined, 0), [])
    await visitor.send(await visitor.open('/account/email/'), { email: 'vera@example.com' })
    assert.match(
      (await visitor.open('/account/email/')).text,
      'Open the link in it to add the address to your account.',
    )
    const mail = await asking.mail('vera@example.com')
    assert.not.match(`${mail.text} ${mail.html}`, 'current address')
    await visitor.send(await visitor.follow(mail))
    const [stored] = await asking.rows<Record<string, unknown>>('select email, email_key from users')
    assert.equal(stored, { email: 'vera@example.com', email_key: 'vera@example.com' })
    assert.is((await asking.visitor().logIn('vera@example.com')).status, 303)
    assert.match((await visitor.open('/account/activity/')).text, 'Email address changed')
    await asking.close()
  })
}

// ── options that need an address ─────────────────────────────────────────────────────────────────────────────────────

const CONFLICTS: readonly [Record<string, string>, Partial<AccountsOptions>][] = [
  [{ EMAIL_CONFIRMATION: 'required' }, { emailConfirmation: 'required' }],
  [{ CONFIRMATION_GRACE: '7d' }, { confirmationGrace: 1000 }],
  [{ PRIVATE_EMAILS: 'true' }, { privateEmails: true }],
  [{ SIGNUP: 'invited' }, { signup: 'invited' }],
  [{ USERNAMES: 'made' }, { usernames: 'made' }],
  [{ LOGIN_AFTER: 'signup,reset' }, { loginAfter: ['signup', 'reset'] }],
  [{ MAIL_ON_JUMP: 'on' }, { jumpMail: true }],
]

for (const [environment, options] of CONFLICTS) {
  const [[variable = ''] = []] = Object.entries(environment)
  const [[option = ''] = []] = Object.entries(options)
  test(`${variable} is refused at start`, async () => {
    const config = () => readConfig({ NODE_ENV: 'test', ...NONE, ...environment })
    assert.throws(
      config,
      new RegExp(`${variable} (cannot|can only) .* with EMAILS=none\\. Accounts have no email address\\.`),
    )
    const refused = await accounts({ database: site.database, emails: 'none', ...options }).then(
      () => '',
      String,
    )
    assert.match(refused, new RegExp(`^Error: Option ${option} .* with emails: 'none'\\. Accounts`))
  })
}

test('production needs no mail server, and BASE_URL no SMTP_URL', () => {
  const production = { NODE_ENV: 'production', BASE_URL: 'https://example.com', ...NONE }
  assert.is(readConfig(production).mail, 'off')
  assert.is(readConfig({ ...production, SMTP_URL: 'smtp://localhost' }).mail, 'off')
})

test.run()
