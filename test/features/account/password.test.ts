import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site, until, type Visitor } from '../../support/helpers.js'
import { codeAt, keyOn, reopen, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/password')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '100/1h' } })
})
test.after(() => site.close())

const PATH = '/account/password/'
const NEW = 'better horse 43'
const TYPED = { current: PASSWORD, password: NEW, repassword: NEW }

async function change(visitor: Visitor, typed: Record<string, string> = {}): Promise<Page> {
  return visitor.send(await visitor.open(PATH), { ...TYPED, ...typed })
}

/** Returns the messages of htmx's response, or of the page after the redirect. */
async function messagesAfter(visitor: Visitor, response: Page): Promise<string[]> {
  assert.is(response.status, visitor.htmx ? 200 : 303, response.text)
  if (visitor.htmx) return response.messages()
  assert.is(response.headers.location, '/account/')
  return (await visitor.open('/')).messages()
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open(PATH)).status === 200
}

async function kinds(name: string): Promise<string[]> {
  const rows = await site.rows<{ kind: string }>(
    'select kind from events join users on users.id = user_id where name = ? order by events.id',
    name,
  )
  return rows.map(({ kind }) => kind)
}

function count(all: readonly string[], one: string): number {
  return all.filter((each) => each === one).length
}

test('a visitor must log in first, and comes back', async () => {
  const page = await site.visitor().open(PATH)
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/login/?next=%2Faccount%2Fpassword%2F')
})

test('password managers find the username and each field’s purpose', async () => {
  const page = await (await site.visitor().settle('Managed')).open(PATH)
  const fields = page
    .$('main form input[autocomplete]')
    .toArray()
    .map(({ attribs }) => `${attribs.name} ${attribs.autocomplete}`)
  assert.equal(fields, [
    'username username',
    'current current-password',
    'password new-password',
    'repassword new-password',
  ])
  assert.is(page.value('username'), 'Managed')
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a password change logs out all other devices`, async () => {
    const name = `Changer ${htmx}`
    await site.visitor().settle(name)
    const others = [site.visitor(), site.visitor()]
    for (const other of others) await other.logIn(name)
    const visitor = site.visitor({ htmx })
    const login = await visitor.logIn(name)
    const stolen = login.sessionCookie.split(';')[0] ?? ''
    await site.emptyMailbox()

    const response = await change(visitor)
    assert.equal(await messagesAfter(visitor, response), [
      '✔ Your password has been changed, and all other devices are logged out (3).',
    ])
    if (htmx) assert.is(response.onward, '/account/')
    assert.not.match(response.text, NEW)
    for (const other of others) assert.not.ok(await isLoggedIn(other))
    assert.ok(await isLoggedIn(visitor))
    site.clock.advance(11_000)
    assert.is(
      (await site.visitor().open(PATH, { Cookie: stolen })).status,
      303,
      'the old token does not work',
    )
    assert.ok(await isLoggedIn(visitor), 'the new token works')
    assert.equal((await kinds(name)).slice(-1), ['password_changed'])
    assert.not.ok((await kinds(name)).includes('password_confirmed'))

    assert.is((await site.visitor({ htmx }).logIn(name)).status, 406)
    assert.is((await site.visitor().logIn(name, { password: NEW })).status, 303)
    const email = `${name.replace(' ', '20')}@example.com`
    const notice = await site.mailThat(email, ({ subject }) => /password .*changed/.test(subject))
    assert.match(notice.text, 'All other devices are logged out')
    assert.is(notice.link, '/password/forgot/')
  })

  test(`${kind}: all errors are shown together, and do not count as failed attempts`, async () => {
    const name = `Breaker ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const cases: [Record<string, string>, string[]][] = [
      [
        { current: '', password: '', repassword: '' },
        ['⚠ Enter your password.', '⚠ Choose a password.', '⚠ Repeat the password.'],
      ],
      [
        { current: '', password: 'abc', repassword: 'abd' },
        [
          '⚠ Enter your password.',
          '⚠ Password must be at least 8 characters.',
          '⚠ The passwords do not match. Enter the same one twice.',
        ],
      ],
      [
        { current: 'wrong one', password: name, repassword: name },
        ['⚠ Password must not be mostly your username, your email address or the name of this site.'],
      ],
      [
        { password: PASSWORD, repassword: PASSWORD },
        ['⚠ Choose a password that is different from your current one.'],
      ],
      [
        { current: 'wrong one', repassword: 'x' },
        ['⚠ The passwords do not match. Enter the same one twice.'],
      ],
    ]
    for (const [typed, messages] of cases) {
      const page = await change(visitor, typed)
      assert.is(page.status, 406)
      assert.is(page.isWhole, !htmx)
      assert.equal(page.messages(), messages)
      for (const field of ['current', 'password', 'repassword']) assert.is(page.value(field), undefined)
    }
    const page = await change(visitor, { current: '', password: 'abc', repassword: 'abd' })
    assert.is(page.fieldError('current'), 'Enter your password.')
    assert.is(page.fieldError('password'), 'Password must be at least 8 characters.')
    assert.is(page.fieldError('repassword'), 'The passwords do not match. Enter the same one twice.')
    site.clock.advance(2000)
    assert.not.ok((await kinds(name)).includes('password_failed'))
    assert.is((await site.visitor().logIn(name)).status, 303, 'the password is unchanged')
  })

  test(`${kind}: a wrong current password changes nothing, and is limited`, async () => {
    const name = `Guesser ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await change(visitor, { current: 'wrong one' })
    assert.is(page.status, 406)
    assert.equal(page.messages(), ['⚠ The password is not correct. Try again.'])
    assert.is(page.fieldError('current'), 'The password is not correct. Try again.')
    assert.not.match(page.text, 'wrong one')
    assert.not.match(page.text, NEW)
    for (const _ of Array(19)) await change(visitor, { current: 'wrong one' })
    const limited = await change(visitor)
    assert.is(limited.status, 429)
    assert.ok(limited.headers['retry-after'])
    await site.mailThat(`Guesser20${htmx}@example.com`, ({ subject }) =>
      subject.startsWith('Many failed logins'),
    )
    site.clock.advance(16 * 60_000)
    assert.equal(await messagesAfter(visitor, await change(visitor)), ['✔ Your password has been changed.'])
  })

  test(`${kind}: a logged-out user cannot change the password`, async () => {
    const name = `Late ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.open(PATH)
    await change(await site.visitor().settle(name))
    const refused = await visitor.send(page, {
      ...TYPED,
      current: NEW,
      password: 'another 44 x',
      repassword: 'another 44 x',
    })
    assert.is(refused.status, 403)
    assert.is(refused.$('.error a').attr('href'), '/login/?next=%2Faccount%2Fpassword%2F')
    assert.not.match(refused.text, 'another 44 x')
    assert.is(count(await kinds(name), 'password_changed'), 1)
  })

  test(`${kind}: an expired page works when the button is pressed again`, async () => {
    const visitor = await site.visitor({ htmx }).settle(`Patient ${htmx}`)
    const page = await visitor.send(await visitor.open(PATH), { ...TYPED, _csrf: 'old' })
    assert.is(page.status, 403)
    const body = new URLSearchParams({ ...TYPED, _csrf: page.value('_csrf') ?? '', _once: 'x' })
    await messagesAfter(visitor, await visitor.post(`${PATH}verify/`, body.toString()))
  })

  test(`${kind}: a double click succeeds, and changes the password once`, async () => {
    const name = `Double ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.open(PATH)
    await site.emptyMailbox()
    const responses = await Promise.all([1, 2, 3].map(() => visitor.send(page, TYPED)))
    for (const { status, text } of responses) assert.is(status, htmx ? 200 : 303, text)
    const late = await visitor.send(page, TYPED)
    assert.is(late.status, htmx ? 200 : 303, late.text)
    site.clock.advance(11_000)
    assert.ok(await isLoggedIn(visitor), 'the token of the last response works')
    const other = await visitor.send(page, { ...TYPED, password: 'another 44 x', repassword: 'another 44 x' })
    assert.is(other.status, 406, 'another password makes it another form')
    assert.is(count(await kinds(name), 'password_changed'), 1)
    assert.is((await site.mails()).length, 1)
  })
}

test('a form submitted again counts as an attempt, whatever password it has', async () => {
  const visitor = await settled(site, 'Reopened')
  const page = await visitor.open(PATH)
  await visitor.send(page, TYPED)
  const form = await visitor.open(PATH)
  const again = (password: string) =>
    visitor.send(form, { _once: page.value('_once'), current: 'wrong', password, repassword: password })
  const statuses: number[] = []
  for (let tries = 0; tries < 25; tries++) statuses.push((await again(`wrong horse ${tries}`)).status)
  assert.is(statuses.at(-1), 429)
  assert.is((await again(NEW)).status, 429, 'the right password is not checked either')
  await until(async () => (await kinds('Reopened')).includes('limit_hit'), 'the limit is noted')
})

test('a different form whose first submission renewed the session proves no password', async () => {
  const visitor = await settled(site, 'Borrowed')
  const setup = await visitor.open('/account/authenticator/')
  await visitor.send(setup, { code: codeAt(keyOn(setup), site.clock.time) })
  const form = await visitor.open(PATH)
  const typed = { _once: setup.value('_once'), current: 'wrong', password: PASSWORD, repassword: PASSWORD }
  assert.is((await visitor.send(form, typed)).status, 406)
})

test('only one of 4 parallel changes succeeds, and the others get an error', async () => {
  const name = 'Racer'
  const visitors = await Promise.all(Array.from({ length: 4 }, () => site.visitor({ htmx: true })))
  await site.visitor().signUp(name)
  for (const visitor of visitors) await visitor.logIn(name)
  const pages = await Promise.all(visitors.map((visitor) => visitor.open(PATH)))
  const responses = await Promise.all(
    visitors.map(async (visitor, index) => {
      const password = `winner number ${index}`
      const page = pages[index]
      if (page === undefined) throw new Error('no page')
      return visitor.send(page, { current: PASSWORD, password, repassword: password })
    }),
  )
  const winners = responses.flatMap(({ status }, index) => (status === 200 ? [index] : []))
  assert.is(winners.length, 1)
  for (const response of responses.filter(({ status }) => status !== 200)) {
    assert.match(
      response.messages().join(),
      /was just changed, in another tab|password is not correct|logged out/,
    )
  }
  assert.is(count(await kinds(name), 'password_changed'), 1)
  const password = `winner number ${winners[0]}`
  assert.is((await site.visitor().logIn(name, { password })).status, 303)
})

test('only this browser stays a known device', async () => {
  await site.visitor().signUp('Trusted')
  const other = site.visitor()
  await other.logIn('Trusted')
  const visitor = site.visitor()
  await visitor.logIn('Trusted')
  await change(visitor)
  await visitor.send(await visitor.open('/logout/'))
  // A known device has its own limit of 20 attempts, an unknown one 5.
  for (const _ of Array(6)) await visitor.logIn('Trusted', { password: 'mistyped' })
  assert.is((await visitor.logIn('Trusted', { password: NEW })).status, 303)
  for (const _ of Array(6)) await other.logIn('Trusted', { password: 'mistyped' })
  assert.is((await other.logIn('Trusted', { password: NEW })).status, 429)
})

test('a new password ends waiting resets and email changes', async () => {
  const visitor = await site.visitor().settle('Pending')
  await site.emptyMailbox()
  const [user] = await site.rows<{ id: string }>("select id from users where name = 'Pending'")
  const purposes = ['password-reset', 'email-change', 'email-undo', 'email-confirm']
  await site.write(`delete from tokens where user_id = '${user?.id}'`)
  for (const purpose of purposes) {
    await site.write(
      `insert into tokens (hash, purpose, user_id, email, email_key, code_mac, code_tries, code_expires_at, created_at, expires_at, used_at)
       values ('${purpose} of Pending', '${purpose}', '${user?.id}', 'x', 'x', null, 0, 0, 0, ${site.clock.now() + 60_000}, null)`,
    )
  }
  await site.write(`update users set next_email = 'thief@example.com' where name = 'Pending'`)
  await change(visitor)
  const left = await site.rows<{ purpose: string }>(
    'select purpose from tokens where user_id = ? order by purpose',
    user?.id,
  )
  assert.equal(
    left.map(({ purpose }) => purpose),
    ['email-confirm', 'email-undo'],
  )
  assert.equal(await site.rows("select next_email from users where name = 'Pending'"), [{ next_email: null }])
})

test('a form from another site is refused, and its URL accepts only POST', async () => {
  const visitor = await site.visitor().settle('Guarded')
  const page = await visitor.open(PATH)
  const body = new URLSearchParams({ ...TYPED, _csrf: page.value('_csrf') ?? '' }).toString()
  const foreign = await visitor.post(`${PATH}verify/`, body, { Origin: 'https://evil.example' })
  assert.is(foreign.status, 403)
  const got = await visitor.open(`${PATH}verify/`)
  assert.is(got.status, 403)
  assert.is(got.headers.allow, 'POST')
  assert.not.ok((await kinds('Guarded')).includes('password_changed'))
})

test('the old token’s last seconds start after the hash is computed', async () => {
  let time = Date.now()
  const ticking = await Site.start({ now: () => time++ })
  await change(await ticking.visitor().settle('Ticking'))
  const [row] = await ticking.rows<{ renewed: number; changed: number }>(
    "select renewed_at as renewed, at as changed from sessions, events where kind = 'password_changed'",
  )
  assert.ok(row && row.renewed > row.changed, JSON.stringify(row))
  await ticking.close()
})

test('only /.well-known/change-password redirects here, for GET and HEAD only', async () => {
  const { agent } = site.visitor()
  const well = '/.well-known/change-password'
  for (const response of [await agent.get(well), await agent.head(well)]) {
    assert.is(response.status, 303)
    assert.is(response.headers.location, PATH)
    assert.match(response.headers['cache-control'] ?? '', 'no-store')
    assert.ok(response.headers['content-security-policy'])
  }
  const refused = await agent.post(well)
  assert.is(refused.status, 405)
  assert.is(refused.headers.allow, 'GET, HEAD')
  for (const path of [
    `${well}/`,
    '/.well-known/',
    '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200',
    '/.well-known/Change-Password',
  ]) {
    assert.is((await agent.get(path)).status, 404, path)
  }
})

test('with two-step verification it needs a recent code, too', async () => {
  const twoStep = await Site.start()
  const visitor = await settled(twoStep, 'Anna')
  const { secret } = await turnOn(twoStep, visitor)
  twoStep.clock.advance(11 * 60_000)
  await reopen(twoStep, visitor, '/account/name/')
  const asked = await visitor.open('/account/password/')
  assert.match(asked.headers.location ?? '', 'asks=code')
  assert.is((await reopen(twoStep, visitor, '/account/password/', secret)).status, 200)
  await twoStep.close()
})

test.run()
