import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'
import { FAILOVER, messageOn, sentTwice, shownMessage } from '../support/lost-response.js'

const test = suite('a form submitted again because the response was lost')
let site: Site

test.before(async () => {
  const LIMITS = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const NEW = 'another horse 43'
let made = 0

interface Owner {
  name: string
  email: string
  visitor: Visitor
}

async function owner(options = {}): Promise<Owner> {
  const [name, email] = [`Owner ${++made}`, `owner${made}@example.com`]
  const visitor = site.visitor(options)
  await visitor.signUp(name, { email })
  const mail = await site.mail(email)
  await visitor.send(await visitor.open('/email/confirm/'), { code: mail.code })
  await visitor.logIn(name)
  await site.emptyMailbox()
  return { name, email, visitor }
}

async function count(name: string, kind: string): Promise<number> {
  const rows = await site.rows(
    'select 1 from events join users on users.id = user_id where name = ? and kind = ?',
    name,
    kind,
  )
  return rows.length
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a denial that deleted the account says so again`, async () => {
    const [name, email] = [`Denied ${++made}`, `denied${made}@example.com`]
    await site.visitor().signUp(name, { email })
    const mail = await site.mail(email)
    const reader = site.visitor({ htmx })
    await reader.follow(mail)
    const again = await sentTwice(site, reader, await reader.open('/email/confirm/deny/'), {})
    const done = await reader.open(again.headers['hx-redirect'] ?? again.headers.location ?? '')
    assert.match(done.$('main').text(), 'created with your email address has been deleted')
    assert.equal(await site.rows('select 1 from users where name = ?', name), [])
  })

  test(`${kind}: another form of the same link does not learn what happened to the account`, async () => {
    const [name, email] = [`Gone ${++made}`, `gone${made}@example.com`]
    await site.visitor().signUp(name, { email })
    const mail = await site.mail(email)
    const [reader, other] = [site.visitor({ htmx }), site.visitor({ htmx })]
    await other.follow(mail)
    const theirs = await other.open('/email/confirm/deny/')
    await reader.follow(mail)
    await reader.send(await reader.open('/email/confirm/deny/'))
    assert.match(messageOn(await other.send(theirs)), 'This link does not work')
  })

  test(`${kind}: a denial after the same link confirmed the address says that it is confirmed`, async () => {
    const [name, email] = [`Kept ${++made}`, `kept${made}@example.com`]
    const visitor = site.visitor({ htmx })
    await visitor.signUp(name, { email })
    const confirm = await visitor.follow(await site.mail(email))
    const deny = await visitor.open('/email/confirm/deny/')
    await visitor.send(confirm)
    assert.match(await shownMessage(visitor, await visitor.send(deny)), `${email} is already confirmed`)
  })

  test(`${kind}: a password change sent again succeeds and keeps the session`, async () => {
    const { visitor, name } = await owner({ htmx })
    const page = await visitor.open('/account/password/')
    const typed = { current: PASSWORD, password: NEW, repassword: NEW }
    const again = await sentTwice(site, visitor, page, typed)
    assert.match(await shownMessage(visitor, again), 'Your password has been changed')
    assert.is((await visitor.open('/account/')).status, 200)
    assert.is(await count(name, 'password_changed'), 1)
  })

  test(`${kind}: a different new password is refused`, async () => {
    const { visitor, name } = await owner({ htmx })
    const page = await visitor.open('/account/password/')
    const typed = { current: PASSWORD, password: NEW, repassword: NEW }
    const other = { password: `${NEW}4`, repassword: `${NEW}4` }
    const again = await sentTwice(site, visitor, page, typed, { other })
    assert.is(again.status, 406)
    assert.is(await count(name, 'password_changed'), 1)
    assert.is((await site.visitor().logIn(name, { password: NEW })).status, 303)
  })

  test(`${kind}: confirming the password still succeeds a minute later`, async () => {
    const { visitor, name } = await owner({ htmx })
    site.clock.advance(11 * MINUTE)
    const page = await visitor.open('/password/confirm/?next=%2Faccount%2Femail%2F')
    const again = await sentTwice(site, visitor, page, { password: PASSWORD })
    assert.is(again.headers[htmx ? 'hx-redirect' : 'location'], '/account/email/')
    assert.is((await visitor.open('/account/email/')).status, 200)
    assert.is(await count(name, 'password_confirmed'), 1)
  })

  test(`${kind}: a login creates one session, one event and one email`, async () => {
    const { name, email } = await owner()
    const stranger = site.visitor({ htmx })
    const page = await stranger.open('/login/')
    const before = await site.rows('select 1 from sessions')
    const again = await sentTwice(site, stranger, page, { username: name, password: PASSWORD })
    assert.is(again.status, htmx ? 200 : 303)
    assert.is((await stranger.open('/account/')).status, 200)
    assert.is((await site.rows('select 1 from sessions')).length, before.length + 1)
    assert.is(await count(name, 'logged_in'), 2, 'the owner’s login and this one')
    assert.match((await site.mail(email)).subject, 'New login to your')
  })

  test(`${kind}: a password reset says that it is already done`, async () => {
    const { name, email } = await owner()
    const visitor = site.visitor({ htmx })
    await visitor.send(await visitor.open('/password/forgot/'), { username: name })
    const page = await visitor.follow(await site.mail(email))
    const again = await sentTwice(site, visitor, page, { password: NEW, repassword: NEW })
    assert.match(await shownMessage(visitor, again), 'Your password has already been changed')
    assert.is(await count(name, 'password_reset'), 1)
    assert.is((await site.visitor().logIn(name, { password: NEW })).status, 303)
    const elsewhere = site.visitor({ htmx })
    const mail = await site.mailThat(email, ({ link }) => link.includes('/reset/'))
    assert.is(
      (await elsewhere.follow(mail)).status,
      410,
      'another browser is told that the link is already used',
    )
  })

  test(`${kind}: says that the email address is already confirmed`, async () => {
    const [name, email] = [`Confirmer ${++made}`, `confirmer${made}@example.com`]
    const visitor = site.visitor({ htmx })
    await visitor.signUp(name, { email })
    const { code } = await site.mail(email)
    const again = await sentTwice(site, visitor, await visitor.open('/email/confirm/'), { code })
    assert.match(await shownMessage(visitor, again), `Your email address ${email} is already confirmed`)
    assert.is(await count(name, 'email_confirmed'), 1)
  })

  test(`${kind}: an email change sends one link, takes effect once and is undone once`, async () => {
    const { visitor, name, email } = await owner({ htmx })
    const next = `new-${email}`
    const asked = await sentTwice(
      site,
      visitor,
      await visitor.open('/account/email/'),
      { email: next },
      {
        action: '/account/email/verify/',
      },
    )
    assert.match(await shownMessage(visitor, asked), `An email to ${next} is on its way`)
    const page = await visitor.follow(await site.mail(next))
    const changed = await sentTwice(site, visitor, page, {})
    assert.match(await shownMessage(visitor, changed), `is now ${next}`)
    assert.is(await count(name, 'email_changed'), 1)
    const reader = site.visitor({ htmx })
    const undone = await sentTwice(site, reader, await reader.follow(await site.mail(email)), {})
    assert.match(await shownMessage(reader, undone), `Your email address is ${email} again`)
    assert.is((await reader.open('/password/reset/')).status, 200)
    assert.is(await count(name, 'email_restored'), 1)
  })

  test(`${kind}: a corrected address gets one email, and later another`, async () => {
    const [name, email] = [`Corrector ${++made}`, `corrector${made}@example.com`]
    const visitor = site.visitor({ htmx })
    await visitor.signUp(name, { email })
    const page = await visitor.open('/email/confirm/address/')
    const again = await sentTwice(site, visitor, page, { email: `right-${email}` })
    assert.match(await shownMessage(visitor, again), `Your email address is now right-${email}`)
    await site.mail(`right-${email}`)
    assert.is(await count(name, 'email_changed'), 1)
    site.clock.advance(5 * MINUTE)
    await visitor.send(page, { email: `right-${email}` })
    assert.is((await site.mails(`right-${email}`, 2)).length, 2)
  })

  test(`${kind}: a reset code and the new password still succeed a minute later`, async () => {
    const { name, email } = await owner()
    const visitor = site.visitor({ htmx })
    await visitor.send(await visitor.open('/password/forgot/'), { username: name })
    const { code } = await site.mail(email)
    const again = await sentTwice(site, visitor, await visitor.open('/password/reset/'), { code })
    assert.match(await shownMessage(visitor, again), 'The code is correct')
    const page = await visitor.open('/password/reset/')
    const changed = await sentTwice(site, visitor, page, { password: NEW, repassword: NEW })
    assert.match(await shownMessage(visitor, changed), 'Your password has already been changed')
    assert.is(await count(name, 'password_reset'), 1)
    assert.is((await site.visitor().logIn(name, { password: NEW })).status, 303)
  })

  test(`${kind}: says that the new username is already yours`, async () => {
    const { visitor, name } = await owner({ htmx })
    const page = await visitor.open('/account/name/')
    const again = await sentTwice(site, visitor, page, { username: `New ${name}` })
    assert.match(await shownMessage(visitor, again), 'This is already your username')
    assert.is(await count(`New ${name}`, 'name_changed'), 1)
  })

  test(`${kind}: an account is closed once, and its link reopens it once`, async () => {
    const { visitor, name, email } = await owner({ htmx })
    const closed = await sentTwice(site, visitor, await visitor.open('/account/close/'), {})
    assert.match(await shownMessage(visitor, closed), 'Your account is closed')
    assert.is(await count(name, 'account_closed'), 1)
    const reader = site.visitor({ htmx })
    const opened = await sentTwice(site, reader, await reader.follow(await site.mail(email)), {})
    assert.match(await shownMessage(reader, opened), 'Your account is open')
    assert.is(await count(name, 'account_reopened'), 1)
  })

  test(`${kind}: other devices are logged out once, and this one stays known`, async () => {
    const { visitor, name } = await owner({ htmx })
    await site.visitor().logIn(name)
    const page = await visitor.open('/account/devices/')
    const again = await sentTwice(site, visitor, page, {}, { action: '/account/devices/revoke/' })
    assert.match(await shownMessage(visitor, again), 'No other devices are logged in')
    await site.emptyMailbox()
    await visitor.send(await visitor.open('/logout/'))
    await visitor.logIn(name)
    assert.equal(await site.mails(undefined, 0), [])
  })
}

test('a logged-out visitor is never told that nothing was changed', async () => {
  const { visitor, name } = await owner()
  const page = await visitor.open('/account/password/')
  await site.write(`delete from sessions where user_id = (select id from users where name = '${name}')`)
  const refused = await visitor.send(page, { current: PASSWORD, password: NEW, repassword: NEW })
  assert.is(refused.status, 403)
  assert.match(messageOn(refused), 'You are logged out')
  assert.not.match(messageOn(refused), /nothing (?:was|has been) (?:done|changed)/i)
})

test('a renewed session’s old token works only for the form that renewed it', async () => {
  const { visitor, name } = await owner()
  const page = await visitor.open('/account/password/')
  const jar = visitor.agent.jar.getCookies({ path: '/', domain: '127.0.0.1', secure: false, script: false })
  const Cookie = jar.toValueString()
  await visitor.send(page, { current: PASSWORD, password: NEW, repassword: NEW })
  site.clock.advance(FAILOVER)
  const thief = site.visitor()
  assert.is((await thief.open('/account/', { Cookie })).status, 303)
  const body = new URLSearchParams({ _csrf: page.value('_csrf') ?? '', _once: 'made up', username: 'Thief' })
  assert.is((await thief.post('/account/name/verify/', body.toString(), { Cookie })).status, 403)
  assert.is((await site.rows('select 1 from users where name = ?', name)).length, 1)
})

test.run()
