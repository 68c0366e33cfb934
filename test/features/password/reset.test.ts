import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOUR, MINUTE } from '../../../src/base/durations.js'
import { type Mail, PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('password/reset')
let site: Site

test.before(async () => {
  const LIMITS = {
    LIMIT_MAIL_NETWORK: '1000/1h',
    LIMIT_SIGNUP_NETWORK: '1000/1h',
    LIMIT_CODE_NETWORK: '1000/1h',
    LIMIT_CODE_SITE: '1000/1h',
  }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/password/reset/'
const NEW = 'another horse 43'
let made = 0

/** Creates an account, and requests a password reset in a new browser. */
async function userWithReset(
  options = {},
): Promise<{ visitor: Visitor; name: string; email: string; mail: Mail }> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  await site.visitor().signUp(name, { email })
  await site.emptyMailbox()
  const visitor = site.visitor(options)
  return { visitor, name, email, mail: await requestReset(visitor, name, email) }
}

async function requestReset(visitor: Visitor, username: string, email: string): Promise<Mail> {
  await visitor.send(await visitor.open('/password/forgot/'), { username })
  return site.mail(email)
}

function choose(visitor: Visitor, page: Page, password = NEW): Promise<Page> {
  return visitor.send(page, { password, repassword: password })
}

async function canLogIn(username: string, password: string): Promise<boolean> {
  const page = await site.visitor().logIn(username, { password })
  return page.status === 303
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: the link changes the password and logs out all devices`, async () => {
    const { visitor, name, email, mail } = await userWithReset({ htmx })
    const other = site.visitor()
    await other.logIn(name)
    assert.is((await other.open('/account/devices/')).status, 200)
    await site.emptyMailbox()

    const page = await visitor.follow(mail)
    assert.is(page.$('main form').length, 1)
    assert.match(page.$('main').text(), name)
    assert.is(page.$('input[autocomplete=username]').attr('value'), name)
    const refused = await visitor.send(page, { password: 'x', repassword: 'y' })
    assert.is(refused.status, 406)
    assert.equal(refused.messages(), [
      '⚠ Password must be at least 8 characters.',
      '⚠ The passwords do not match. Enter the same one twice.',
    ])
    assert.not.match(refused.text, 'value="x"')
    assert.is(
      (await choose(visitor, page, `${name}${name}`)).messages()[0],
      '⚠ Password must not be mostly your username, your email address or the name of this site.',
    )

    const accepted = await choose(visitor, page)
    assert.is(accepted.status, htmx ? 200 : 303)
    const last = htmx ? accepted : await visitor.open(accepted.headers.location ?? '')
    assert.match(last.messages()[0] ?? '', 'Your password has been changed')
    assert.is((await visitor.open('/account/devices/')).status, 303, 'the reset does not log in')
    assert.is((await other.open('/account/devices/')).status, 303, 'other sessions have ended')
    assert.not(await canLogIn(name, PASSWORD))
    assert.ok(await canLogIn(name, NEW))
    const notice = await site.mailThat(email, ({ subject }) => subject.includes('was changed'))
    assert.is(notice.link, '/password/forgot/')

    const twice = await choose(visitor, page)
    const login = `/login/?username=${name.replace(' ', '+')}`
    assert.is(twice.headers[htmx ? 'hx-redirect' : 'location'], login)
    assert.match((await visitor.open('/login/')).messages()[0] ?? '', 'already been changed')
    const reader = site.visitor()
    const used = await reader.follow(mail)
    assert.is(used.status, 410)
    assert.match(used.messages()[0] ?? '', 'already been used')
    assert.is(used.$('.error a').attr('href'), '/password/forgot/')
  })

  test(`${kind}: the code works in the browser that requested it`, async () => {
    const { visitor, name, mail } = await userWithReset({ htmx })
    const page = await visitor.open(PATH)
    assert.is((await visitor.send(page, { code: '' })).messages()[0], '⚠ Enter the code from the email.')
    const right = await visitor.send(page, { code: mail.code })
    assert.is(right.headers[htmx ? 'hx-redirect' : 'location'], PATH)
    const form = await visitor.open(PATH)
    assert.is((await choose(visitor, form)).status, htmx ? 200 : 303)
    assert.ok(await canLogIn(name, NEW))
    assert.is((await site.visitor().follow(mail)).status, 410, 'the link is already used')
  })
}

test('the code does not work in another browser, or twice', async () => {
  const { visitor, mail } = await userWithReset()
  const stranger = site.visitor()
  assert.is((await stranger.open(PATH)).headers.location, '/password/forgot/')
  const other = await userWithReset()
  assert.is((await other.visitor.send(await other.visitor.open(PATH), { code: mail.code })).status, 406)
  const page = await visitor.open(PATH)
  await visitor.send(page, { code: mail.code })
  const again = site.visitor()
  await again.send(await again.open('/password/forgot/'), { username: 'nobody at all' })
  assert.is((await again.send(await again.open(PATH), { code: mail.code })).status, 406)
})

test('wrong codes have one limit for known and unknown names and addresses', async () => {
  const { name, email } = await userWithReset()
  for (const username of [name, email, 'somebody else']) {
    const visitor = site.visitor()
    await visitor.send(await visitor.open('/password/forgot/'), { username })
    const page = await visitor.open(PATH)
    const statuses = []
    for (let count = 0; count < 11; count++) {
      statuses.push((await visitor.send(page, { code: '00000000' })).status)
    }
    assert.equal(statuses, [...Array(10).fill(406), 429], username)
  }
  site.clock.advance(24 * HOUR)
})

test('the link works for an hour, and not with a changed character', async () => {
  const { visitor, name, mail } = await userWithReset()
  const [, token = ''] = /link\/([^/]+)\/$/.exec(mail.link) ?? []
  const changed = (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
  assert.is((await visitor.follow({ link: `${PATH}link/${changed}/` })).status, 410)
  const page = await visitor.follow(mail)
  site.clock.advance(HOUR - 1)
  assert.is(
    (await visitor.send(page, { password: 'x' })).status,
    406,
    'a refused form does not use up the link',
  )
  site.clock.advance(1)
  const late = await choose(visitor, page)
  assert.is(late.status, 410)
  assert.match(late.messages()[0] ?? '', 'has expired')
  assert.ok(await canLogIn(name, PASSWORD))
})

test('the new password ends every other link except undo links', async () => {
  const { visitor, name, email, mail } = await userWithReset()
  const owner = site.visitor()
  await owner.logIn(name)
  const form = await owner.open('/account/email/')
  await owner.send(form, { email: `new-${email}` })
  const change = await site.mail(`new-${email}`)
  await site.emptyMailbox()
  site.clock.advance(MINUTE)
  const second = await requestReset(site.visitor(), name, email)
  await choose(visitor, await visitor.follow(mail))
  assert.is((await site.visitor().follow(second)).status, 410)
  assert.is((await site.visitor().follow(change)).status, 410)
  await owner.logIn(name, { password: NEW })
  assert.not.match((await owner.open('/account/email/')).text, `new-${email}`)
})

test('a reset confirms the email address', async () => {
  const { visitor, name, mail } = await userWithReset()
  const confirmed = () =>
    site.rows<{ at: number | null }>('select email_confirmed_at as at from users where name = ?', name)
  assert.equal(await confirmed(), [{ at: null }])
  await choose(visitor, await visitor.follow(mail))
  assert.equal(await confirmed(), [{ at: site.clock.time }])
})

test('a reset link sent to a previous address does not work', async () => {
  const { name, email, mail } = await userWithReset()
  const owner = site.visitor()
  await owner.logIn(name)
  await owner.send(await owner.open('/account/email/'), { email: `new-${email}` })
  const change = await site.mail(`new-${email}`)
  assert.is((await owner.send(await owner.follow(change))).headers.location, '/account/')
  assert.is((await site.visitor().follow(mail)).status, 410)
})

test('a reset makes the browser a known device', async () => {
  const { visitor, name, mail } = await userWithReset()
  for (let count = 0; count < 5; count++) await site.visitor().logIn(name, { password: 'wrong' })
  assert.is((await site.visitor().logIn(name)).status, 429)
  await choose(visitor, await visitor.follow(mail))
  assert.is((await visitor.logIn(name, { password: NEW })).status, 303)
  assert.is((await site.visitor().logIn(name, { password: NEW })).status, 429)
})

test('50 parallel forms change the password once', async () => {
  const { visitor, name, mail } = await userWithReset()
  const page = await visitor.follow(mail)
  const responses = await Promise.all(
    Array.from({ length: 50 }, (_, index) => choose(visitor, page, `another horse ${100 + index}`)),
  )
  const winners = responses.flatMap(({ headers }, index) =>
    headers.location?.startsWith('/login/?') ? [index] : [],
  )
  assert.is(winners.length, 1)
  // This is now a known device. The other forms had wrong passwords, which count as failed.
  assert.is((await visitor.logIn(name, { password: `another horse ${100 + (winners[0] ?? 0)}` })).status, 303)
  const events = await site.rows(
    "select 1 from events join users on users.id = user_id where name = ? and kind = 'password_reset'",
    name,
  )
  assert.is(events.length, 1)
})

test('a used link after a later reset says only that it does not work', async () => {
  const { visitor, name, email, mail } = await userWithReset()
  await choose(visitor, await visitor.follow(mail))
  await site.emptyMailbox()
  const elsewhere = site.visitor()
  site.clock.advance(MINUTE)
  const later = await requestReset(elsewhere, name, email)
  await choose(elsewhere, await elsewhere.follow(later), 'third horse 44')
  const page = await visitor.open(PATH)
  assert.is(page.status, 410)
  assert.match(page.messages()[0] ?? '', 'a later change may have canceled it')
})

test('the database and the log have neither token nor code', async () => {
  const { mail } = await userWithReset()
  const [, token = ''] = /link\/([^/]+)\/$/.exec(mail.link) ?? []
  const rows = JSON.stringify(await site.rows('select * from tokens'))
  assert.not.match(rows, token)
  assert.not.match(rows, mail.code)
  assert.not.match(site.logs.join(''), token)
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: a link fails once the email address has changed`, async () => {
    const { visitor, name, email, mail } = await userWithReset({ htmx })
    const page = await visitor.follow(mail)
    await site.write(
      `update users set email = 'new-${email}', email_key = 'new-${email}' where name = '${name}'`,
    )
    assert.is((await choose(visitor, page)).status, 410)
    assert.ok(await canLogIn(name, PASSWORD))
    assert.not(await canLogIn(name, NEW))
  })
}

test('50 parallel forms with one code succeed once', async () => {
  const { visitor, name, mail } = await userWithReset()
  const pages = await Promise.all(Array.from({ length: 50 }, () => visitor.open(PATH)))
  const responses = await Promise.all(pages.map((page) => visitor.send(page, { code: mail.code })))
  assert.is(responses.filter(({ status }) => status === 303).length, 1)
  const opened = await site.rows(
    "select 1 from tokens join users on users.id = user_id where name = ? and purpose = 'password-reset'",
    name,
  )
  assert.is(opened.length, 2, 'the link in the email, and the one that replaces it')
})

test('a double click with the code succeeds, and uses it once', async () => {
  const { visitor, name, mail } = await userWithReset()
  const page = await visitor.open(PATH)
  const responses = await Promise.all(
    Array.from({ length: 2 }, () => visitor.send(page, { code: mail.code })),
  )
  assert.equal(
    responses.map(({ status }) => status),
    [303, 303],
  )
  assert.is((await visitor.open(PATH)).$('[name="password"]').length, 1)
  const opened = await site.rows(
    "select 1 from tokens join users on users.id = user_id where name = ? and purpose = 'password-reset'",
    name,
  )
  assert.is(opened.length, 2)
})

test.run()
