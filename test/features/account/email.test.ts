import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR, MINUTE } from '../../../src/base/durations.js'
import { type Mail, PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('account/email')
let site: Site

test.before(async () => {
  const LIMITS = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/account/email/'
let made = 0

interface Owner {
  visitor: Visitor
  name: string
  email: string
  next: string
}

async function owner(options = {}): Promise<Owner> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  const visitor = site.visitor(options)
  await visitor.signUp(name, { email })
  await visitor.logIn(name)
  await visitor.send(await visitor.follow(await site.mail(email)))
  await site.emptyMailbox()
  return { visitor, name, email, next: `new-${email}` }
}

/** Signs up with a mistyped address, whose emails reach a stranger who has not confirmed it. */
async function mistyped(options = {}): Promise<Owner & { stranger: Mail }> {
  const name = `user ${++made}`
  const email = `stranger${made}@example.com`
  const visitor = site.visitor(options)
  await visitor.signUp(name, { email })
  await visitor.logIn(name)
  const stranger = await site.mail(email)
  await site.emptyMailbox()
  return { visitor, name, email, next: `right${made}@example.com`, stranger }
}

async function ask({ visitor, next }: Owner): Promise<Mail> {
  await visitor.send(await visitor.open(PATH), { email: next })
  return site.mail(next)
}

/** Changes the address, and returns the email with the undo link. */
async function changed(someone: Owner): Promise<Mail> {
  const mail = await ask(someone)
  await site.emptyMailbox()
  await someone.visitor.send(await someone.visitor.follow(mail))
  return site.mail(someone.email)
}

async function emailOf(name: string): Promise<string | undefined> {
  return (await site.rows<{ email: string }>('select email from users where name = ?', name))[0]?.email
}

function pendingOn(page: Page): string {
  return page.$('#email-present').text().replaceAll(/\s+/g, ' ')
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a new address takes effect once its link is opened`, async () => {
    const someone = await owner({ htmx })
    const { visitor, name, email, next } = someone
    const page = await visitor.open(PATH)
    assert.match(pendingOn(page), email)
    for (const [typed, sentence] of [
      ['', 'Enter your email address.'],
      ['nothing', 'Enter an email address like name@example.com.'],
      [email, 'This is already your email address.'],
    ]) {
      const refused = await visitor.send(page, { email: typed })
      assert.is(refused.status, 406)
      assert.equal(refused.messages(), [`⚠ ${sentence}`])
    }
    const asked = await visitor.send(page, { email: next })
    assert.is(asked.status, htmx ? 200 : 303)
    assert.match(pendingOn(htmx ? asked : await visitor.open(PATH)), next)
    assert.is(await emailOf(name), email)
    const mail = await site.mail(next)
    const link = await visitor.follow(mail)
    assert.is(await emailOf(name), email, 'opening it changes nothing')
    assert.is(link.$('main form').length, 1)
    assert.is(link.$('main form input:not([type=hidden])').length, 0)
    const done = await visitor.send(link)
    assert.is(done.status, htmx ? 200 : 303)
    assert.is(await emailOf(name), next)
    assert.is((await visitor.send(link)).headers[htmx ? 'hx-redirect' : 'location'], '/account/')
    const notice = await site.mail(email)
    assert.match(notice.subject, 'was changed')
    assert.match(notice.text, next)
    assert.is((await site.visitor().logIn(next)).status, 303)
    assert.is((await site.visitor().logIn(email)).status, 406)
  })

  test(`${kind}: the email of a waiting change can be sent again, and the change canceled`, async () => {
    const someone = await owner({ htmx })
    const { visitor, name, email, next } = someone
    const first = await ask(someone)
    const page = await visitor.open(PATH)
    const again = await visitor.send(page, {}, `${PATH}send/`)
    assert.is(again.status, htmx ? 200 : 303)
    const mails = await site.mails(next, 2)
    assert.is(mails.length, 2)
    const hurried = await visitor.send(page, {}, `${PATH}send/`)
    assert.is(hurried.status, 429)
    const canceled = await visitor.send(await visitor.open(PATH), {}, `${PATH}cancel/`)
    assert.is(canceled.status, htmx ? 200 : 303)
    assert.not.match(pendingOn(htmx ? canceled : await visitor.open(PATH)), next)
    for (const mail of [first, ...mails]) assert.is((await visitor.follow(mail)).status, 410)
    assert.is(await emailOf(name), email)
    assert.ok((await visitor.send(page, {}, `${PATH}cancel/`)).status < 400, 'pressed twice')
    site.clock.advance(MINUTE)
    const nothing = await visitor.send(page, {}, `${PATH}send/`)
    assert.ok(nothing.status < 400)
  })

  test(`${kind}: the link needs the password when its user is logged out`, async () => {
    const someone = await owner()
    const mail = await ask(someone)
    const stranger = site.visitor({ htmx })
    const page = await stranger.follow(mail)
    assert.is(page.$('main form').length, 1)
    assert.equal((await stranger.send(page)).messages(), ['⚠ Enter your password.'])
    assert.equal((await stranger.send(page, { password: 'not it' })).messages(), [
      '⚠ The password is not correct. Try again.',
    ])
    assert.is(await emailOf(someone.name), someone.email)
    const done = await stranger.send(page, { password: PASSWORD })
    assert.is(done.status, htmx ? 200 : 303)
    const login = `/login/?username=${someone.name.replace(' ', '+')}`
    assert.is(htmx ? done.$('.success a').attr('href') : done.headers.location, login)
    assert.is(await emailOf(someone.name), someone.next)
  })

  test(`${kind}: undoing ends sessions, invalidates the password and emails a reset`, async () => {
    const someone = await owner()
    const { visitor, name, email } = someone
    const undo = await changed(someone)
    await site.emptyMailbox()
    const reader = site.visitor({ htmx })
    const page = await reader.follow(undo)
    assert.is(page.$('main form').length, 1)
    assert.is(page.$('main form input:not([type=hidden])').length, 0)
    const done = await reader.send(page)
    assert.is(done.headers[htmx ? 'hx-redirect' : 'location'], '/password/reset/')
    assert.is(await emailOf(name), email)
    assert.is((await visitor.open(PATH)).status, 303, 'the other user is logged out')
    assert.is((await site.visitor().logIn(name)).status, 406, 'the password no longer works')
    const mails = await site.mails(email, 2)
    assert.equal(mails.map(({ subject }) => subject).sort(), [
      'Reset your Gatehouse password',
      'This is your Gatehouse email address again',
    ])
    const told = await site.mailThat(someone.next, ({ subject }) => subject.startsWith('This is no longer'))
    assert.is(told.link, '/login/')
    const reset = mails.find(({ code }) => code !== '')
    assert.ok(reset)
    const code = await reader.send(await reader.open('/password/reset/'), { code: reset.code })
    assert.ok(code.status < 400)
    const form = await reader.open('/password/reset/')
    await reader.send(form, { password: 'another horse 43', repassword: 'another horse 43' })
    assert.is((await reader.logIn(name, { password: 'another horse 43' })).status, htmx ? 200 : 303)
    const again = await site.visitor().follow(undo)
    assert.is(again.status, 410)
    assert.match(again.messages()[0] ?? '', 'already been used')
  })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: an unconfirmed previous address cannot undo the change`, async () => {
    const someone = await mistyped({ htmx })
    const { visitor, name, email, next, stranger } = someone
    await visitor.send(await visitor.follow(await ask(someone)))
    assert.is(await emailOf(name), next)
    const notice = await site.mail(email)
    assert.is(notice.link, '/login/')
    for (const told of [next, name]) assert.not.match(notice.subject + notice.text, told)
    assert.equal(await site.rows('select 1 from tokens where email = ? and used_at is null', email), [])
    assert.is((await site.visitor().follow(stranger)).status, 410)
    const heir = await site.visitor().signUp(`heir of ${name}`, { email })
    assert.is(heir.status, 303, 'the address is available right away')
  })

  test(`${kind}: a corrected address cannot undo, a confirmed one can`, async () => {
    const someone = await mistyped({ htmx })
    const { visitor, name, email, next } = someone
    await visitor.send(await visitor.open('/email/confirm/address/'), { email: next })
    assert.is((await site.mail(email)).link, '/login/')
    await visitor.send(await visitor.follow(await site.mail(next)))
    await site.emptyMailbox()
    const undo = await changed({ ...someone, email: next, next: `third-${next}` })
    assert.equal(await site.mails(email, 0), [])
    const reader = site.visitor({ htmx })
    await reader.send(await reader.follow(undo))
    assert.is(await emailOf(name), next)
  })
}

test('a waiting change can be undone if the old address is confirmed first', async () => {
  const someone = await mistyped()
  const { visitor, name, email, next, stranger } = someone
  const link = await ask(someone)
  await site.emptyMailbox()
  await visitor.send(await visitor.follow(stranger))
  await visitor.send(await visitor.follow(link))
  assert.is(await emailOf(name), next)
  assert.match((await site.mail(email)).link, '/account/email/undo/')
})

test('an undo link survives resets and further changes, and ends their links', async () => {
  const someone = await owner()
  const { visitor, name, email, next } = someone
  const undo = await changed(someone)
  await site.emptyMailbox()
  const theirs = await changed({ ...someone, email: next, next: `third-${email}` })
  await site.emptyMailbox()
  const thief = site.visitor()
  await thief.send(await thief.open('/password/forgot/'), { username: name })
  const reset = await site.mail(`third-${email}`)
  const form = await thief.follow(reset)
  await thief.send(form, { password: 'another horse 43', repassword: 'another horse 43' })
  assert.is((await site.visitor().logIn(name, { password: 'another horse 43' })).status, 303)
  site.clock.advance(7 * DAY - HOUR)
  const reader = site.visitor()
  assert.is((await reader.send(await reader.follow(undo))).status, 303)
  assert.is(await emailOf(name), email)
  assert.is((await site.visitor().follow(theirs)).status, 410)
  assert.is((await visitor.open(PATH)).status, 303)
  assert.is((await site.visitor().logIn(name, { password: 'another horse 43' })).status, 406)
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: undoing a later change keeps the undo link of an earlier one`, async () => {
    const someone = await owner()
    const { name, email, next } = someone
    const undo = await changed(someone)
    const theirs = await changed({ ...someone, email: next, next: `third-${email}` })
    const thief = site.visitor({ htmx })
    await thief.send(await thief.follow(theirs))
    assert.is(await emailOf(name), next)
    const reader = site.visitor({ htmx })
    await reader.send(await reader.follow(undo))
    assert.is(await emailOf(name), email)
    const late = await site.visitor().follow(theirs)
    assert.is(late.status, 410)
    assert.is(await emailOf(name), email)
  })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a login during the undo creates no session`, async () => {
    // The hash is so slow that the undo finishes before the password is found to be right.
    const costs = { memoryCost: 65_536, timeCost: 12, parallelism: 1 }
    const slow = await Site.start({ passwordCosts: costs })
    const victim = await slow.visitor().settle('Anna')
    await victim.send(await victim.follow(await slow.mail('Anna@example.com')))
    await slow.emptyMailbox()
    await victim.send(await victim.open(PATH), { email: 'thief@example.com' })
    const mail = await slow.mail('thief@example.com')
    await victim.send(await victim.follow(mail))
    const undo = await slow.mail('Anna@example.com')
    const [reader, thief] = [slow.visitor({ htmx }), slow.visitor({ htmx })]
    const page = await reader.follow(undo)
    const login = await thief.open('/login/')
    const [late] = await Promise.all([
      thief.send(login, { username: 'Anna', password: PASSWORD }),
      pause(30).then(() => reader.send(page)),
    ])
    assert.equal(await slow.rows('select 1 from sessions'), [])
    assert.is((await thief.open(PATH)).status, 303)
    assert.is(late.status, 406)
    assert.match(late.messages()[0] ?? '', 'was just changed')
    await slow.close()
  })

  test(`${kind}: the link’s page shows the current address only to its user`, async () => {
    const someone = await owner({ htmx })
    const mail = await ask(someone)
    const stranger = site.visitor({ htmx })
    const page = await stranger.follow(mail)
    assert.match(page.$('main').text(), someone.next)
    const told = page.$('main').text().replaceAll(someone.next, '')
    assert.not.match(told, someone.email)
    const refused = await stranger.send(page, { password: 'not it' })
    assert.not.match(refused.text.replaceAll(someone.next, ''), someone.email)
    assert.match((await someone.visitor.follow(mail)).$('main').text(), `from ${someone.email}`)
  })
}

test('a link fails once the change was canceled', async () => {
  const someone = await owner()
  const mail = await ask(someone)
  const page = await someone.visitor.follow(mail)
  await site.write(`update users set next_email = null where name = '${someone.name}'`)
  assert.is((await someone.visitor.send(page)).status, 410)
  assert.is(await emailOf(someone.name), someone.email)
})

test('a change can be undone for 7 days', async () => {
  const someone = await owner()
  const undo = await changed(someone)
  site.clock.advance(7 * DAY)
  const late = await site.visitor().follow(undo)
  assert.is(late.status, 410)
  assert.match(late.messages()[0] ?? '', 'has expired')
  assert.is(await emailOf(someone.name), someone.next)
})

test('nobody else can use the previous address while the change can be undone', async () => {
  const someone = await owner()
  const undo = await changed(someone)
  const thief = await site.visitor().signUp(`thief of ${someone.name}`, { email: someone.email })
  assert.equal(thief.messages(), ['⚠ There is already an account with this email address.'])
  const reader = site.visitor()
  assert.is((await reader.send(await reader.follow(undo))).status, 303)
  const other = await owner()
  await changed(other)
  site.clock.advance(7 * DAY)
  assert.is((await site.visitor().signUp(`heir of ${other.name}`, { email: other.email })).status, 303)
})

test('when two users change to one address, the first to confirm gets it', async () => {
  const [one, other] = [await owner(), await owner()]
  const next = `both-${one.email}`
  const first = await ask({ ...one, next })
  await site.emptyMailbox()
  const second = await ask({ ...other, next })
  const pages = [await one.visitor.follow(first), await other.visitor.follow(second)] as const
  const responses = await Promise.all([one.visitor.send(pages[0]), other.visitor.send(pages[1])])
  assert.equal(responses.map(({ status }) => status).sort(), [303, 406])
  const rows = await site.rows('select 1 from users where email = ?', next)
  assert.is(rows.length, 1)
})

test('an address in use is refused', async () => {
  const [one, other] = [await owner(), await owner()]
  const page = await one.visitor.send(await one.visitor.open(PATH), { email: other.email.toUpperCase() })
  assert.equal(page.messages(), ['⚠ There is already an account with this email address.'])
  assert.is(page.value('email'), other.email.toUpperCase())
})

test('your own address in another capitalization is a change like any other', async () => {
  const someone = await owner()
  const next = someone.email.toUpperCase()
  const mail = await ask({ ...someone, next })
  await someone.visitor.send(await someone.visitor.follow(mail))
  assert.is(await emailOf(someone.name), next)
})

test('a link works for a day, for its purpose and the latest new address', async () => {
  const someone = await owner()
  const first = await ask(someone)
  await site.emptyMailbox()
  const second = await ask({ ...someone, next: `other-${someone.email}` })
  assert.is((await someone.visitor.follow(first)).status, 410)
  const [, token = ''] = /link\/([^/]+)\/$/.exec(second.link) ?? []
  for (const path of ['undo/', `confirm/link/${token.startsWith('A') ? 'B' : 'A'}`]) {
    const link = path.endsWith('/') ? `${PATH}${path}${token}/` : `${PATH}${path}${token.slice(1)}/`
    assert.is((await someone.visitor.follow({ link })).status, 410)
  }
  site.clock.advance(DAY)
  assert.is((await someone.visitor.follow(second)).status, 410)
})

for (const [what, path] of [
  ['change', 'confirm'],
  ['undo', 'undo'],
] as const) {
  test(`50 parallel forms do the ${what} once`, async () => {
    const someone = await owner()
    const mail = path === 'confirm' ? await ask(someone) : await changed(someone)
    const page = await someone.visitor.follow(mail)
    await Promise.all(Array.from({ length: 50 }, () => someone.visitor.send(page)))
    const kind = path === 'confirm' ? 'email_changed' : 'email_restored'
    const events = await site.rows(
      'select 1 from events join users on users.id = user_id where name = ? and kind = ?',
      someone.name,
      kind,
    )
    assert.is(events.length, 1)
    assert.is(await emailOf(someone.name), path === 'confirm' ? someone.next : someone.email)
  })
}

test('an old login needs the password, and keeps the input', async () => {
  const someone = await owner()
  const page = await someone.visitor.open(PATH)
  site.clock.advance(11 * MINUTE)
  const asked = await someone.visitor.send(page, { email: someone.next })
  assert.is(asked.status, 403)
  const back = await someone.visitor.send(asked, { password: PASSWORD })
  assert.is(back.headers.location, PATH)
  assert.is((await someone.visitor.open(PATH)).value('email'), someone.next)
  assert.is((await site.visitor().open(PATH)).headers.location, `/login/?next=${encodeURIComponent(PATH)}`)
})

test('a double click sends one email, and its link works', async () => {
  const someone = await owner()
  const page = await someone.visitor.open(PATH)
  await someone.visitor.send(page, { email: someone.next })
  const mail = await site.mail(someone.next)
  assert.is((await someone.visitor.send(page, { email: someone.next })).status, 303)
  assert.is((await someone.visitor.send(page, { email: someone.next })).status, 303)
  assert.is((await site.mails(someone.next)).length, 1, 'one email is sent')
  assert.is((await someone.visitor.follow(mail)).status, 200)
})

test('a link opened in another user’s browser leaves that user’s address alone', async () => {
  const [someone, other] = [await owner(), await owner()]
  const page = await other.visitor.follow(await ask(someone))
  assert.match(page.$('#password-hint').text(), someone.name)
  const done = await other.visitor.send(page, { password: PASSWORD })
  assert.match(done.headers.location ?? '', /^\/login\//)
  const home = await other.visitor.open('/')
  assert.equal(home.messages(), [
    `✔ The email address of your account ${someone.name} is now ${someone.next}.`,
  ])
})

test('each account and each address gets at most 5 emails an hour', async () => {
  const someone = await owner()
  const statuses = []
  for (let count = 0; count < 6; count++) {
    const page = await someone.visitor.open(PATH)
    const asked = await someone.visitor.send(page, { email: `${count}-${someone.email}` })
    statuses.push(asked.status)
  }
  assert.equal(statuses, [303, 303, 303, 303, 303, 429])
})

test.run()
