import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../../../src/base/durations.js'
import { type Mail, PASSWORD, Site, until, type Visitor } from '../../support/helpers.js'
import { halfway, settled, turnOn } from '../../support/second-step.js'

const test = suite('email/confirm')
let site: Site

test.before(async () => {
  site = await Site.start({
    environment: {
      LIMIT_SIGNUP_NETWORK: '1000/1h',
      LIMIT_CODE_NETWORK: '1000/1h',
      LIMIT_CODE_SITE: '1000/1h',
    },
  })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/email/confirm/'
let made = 0

/** Signs up, and returns the email. */
async function newcomer(
  options = {},
): Promise<{ visitor: Visitor; name: string; email: string; mail: Mail }> {
  const name = `user ${++made}`
  const visitor = site.visitor(options)
  const email = `user${made}@example.com`
  await visitor.signUp(name, { email })
  return { visitor, name, email, mail: await site.mail(email) }
}

async function isConfirmed(name: string): Promise<boolean> {
  const [row] = await site.rows<{ at: number | null }>(
    'select email_confirmed_at as at from users where name = ?',
    name,
  )
  return row !== undefined && row.at !== null
}

function wrong(code: string): string {
  return code === '12345678' ? '12345679' : '12345678'
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: the code confirms the address in the browser that signed up`, async () => {
    const { visitor, name, email, mail } = await newcomer({ htmx })
    const page = await visitor.open(PATH)
    assert.match(page.$('main').text(), email)
    const refused = await visitor.send(page, { code: wrong(mail.code) })
    assert.is(refused.status, 406)
    assert.match(refused.messages()[0] ?? '', 'The code is not correct, has expired, or was requested')
    assert.is(refused.$('#code').attr('value'), wrong(mail.code))
    const spaced = `${mail.code.slice(0, 3)} ${mail.code.slice(3)}`
    const accepted = await visitor.send(page, { code: spaced })
    assert.is(accepted.status, htmx ? 200 : 303)
    const last = htmx ? accepted : await visitor.open(accepted.headers.location ?? '')
    assert.equal(last.messages(), [`✔ Your email address ${email} is confirmed.`])
    assert.ok(await isConfirmed(name))
    for (const repeat of [() => visitor.send(page, { code: mail.code }), () => visitor.open(PATH)]) {
      const { headers } = await repeat()
      const login = headers.location ?? headers['hx-redirect'] ?? ''
      assert.is(login, `/login/?username=${name.replace(' ', '+')}`)
      assert.equal((await visitor.open(login)).messages(), [
        `✔ Your email address ${email} is already confirmed.`,
      ])
    }
  })

  test(`${kind}: the link confirms it there with one button`, async () => {
    const { visitor, name, email, mail } = await newcomer({ htmx })
    const page = await visitor.follow(mail)
    assert.not(await isConfirmed(name), 'opening the link changes nothing')
    assert.is(page.$('main form').length, 1)
    assert.is(page.$('main form input:not([type=hidden])').length, 0)
    const confirmed = await visitor.send(page)
    assert.is(confirmed.status, htmx ? 200 : 303)
    assert.ok(await isConfirmed(name))
    assert.ok((await visitor.send(page)).status < 400, 'the button may be pressed twice')
    await visitor.agent.get(mail.link)
    const [again] = [await visitor.open(PATH)]
    assert.is(again.status, 303)
    const next = await visitor.open(again.headers.location ?? '')
    assert.equal(next.messages(), [`✔ Your email address ${email} is already confirmed.`])
  })

  test(`${kind}: in another browser the link asks for the password`, async () => {
    const { name, mail } = await newcomer()
    const stranger = site.visitor({ htmx })
    const page = await stranger.follow(mail)
    assert.is(page.$('main form').length, 1)
    const missing = await stranger.send(page)
    assert.is(missing.status, 406)
    assert.equal(missing.messages(), ['⚠ Enter your password.'])
    const refused = await stranger.send(page, { password: 'not it' })
    assert.equal(refused.messages(), ['⚠ The password is not correct. Try again.'])
    assert.not(await isConfirmed(name))
    assert.is((await stranger.send(page, { password: PASSWORD })).status, htmx ? 200 : 303)
    assert.ok(await isConfirmed(name))
  })

  test(`${kind}: denying an unused account deletes it`, async () => {
    const { name, mail } = await newcomer()
    const owner = site.visitor({ htmx })
    const page = await owner.follow(mail)
    const deny = await owner.open(page.$('main a[href$="/deny/"]').attr('href') ?? '')
    assert.match(deny.$('main').text(), name)
    const erased = await owner.send(deny)
    assert.is(erased.headers[htmx ? 'hx-redirect' : 'location'], `${PATH}deny/`)
    const done = await owner.open(`${PATH}deny/`)
    assert.match(done.$('main').text(), 'created with your email address has been deleted')
    assert.equal(await site.rows('select id from users where name = ?', name), [])
    const again = await owner.send(deny)
    assert.is(
      again.headers[htmx ? 'hx-redirect' : 'location'],
      `${PATH}deny/`,
      'the button was pressed twice',
    )
    await owner.agent.get(mail.link)
    assert.is((await owner.open(PATH)).headers.location, `${PATH}deny/`, 'the link was opened again')
    assert.is((await site.visitor().follow(mail)).status, 410)
  })

  test(`${kind}: denying an account in use closes it, and emails its owner`, async () => {
    const { visitor, name, email, mail } = await newcomer()
    await visitor.logIn(name)
    await site.emptyMailbox()
    const reader = site.visitor({ htmx })
    await reader.follow(mail)
    const denied = await reader.send(await reader.open(`${PATH}deny/`))
    assert.is(denied.headers[htmx ? 'hx-redirect' : 'location'], `${PATH}deny/`)
    assert.match((await reader.open(`${PATH}deny/`)).$('main').text(), 'is closed')
    const [row] = await site.rows<{ erase_at: number }>('select erase_at from users where name = ?', name)
    assert.is(row?.erase_at, site.clock.time + 14 * DAY)
    assert.equal(
      await site.rows('select 1 from sessions join users on users.id = user_id where name = ?', name),
      [],
    )
    assert.match((await site.mail(email)).link, '/account/close/undo/')
    assert.is((await site.visitor().follow(mail)).status, 410, 'the link is used')
    assert.is((await visitor.logIn(name)).status, 303)
    const [open] = await site.rows<{ erase_at: null }>('select erase_at from users where name = ?', name)
    assert.is(open?.erase_at, null)
  })
}

test('after a login the page still works, and the home page links to it', async () => {
  const { visitor, name, mail } = await newcomer()
  await visitor.logIn(name)
  const home = await visitor.open('/')
  assert.is(home.$('main a[href="/email/confirm/"]').length, 1)
  const done = await visitor.send(await visitor.open(PATH), { code: mail.code })
  assert.is(done.headers.location, '/account/')
  assert.is((await visitor.open('/')).$('main a[href="/email/confirm/"]').length, 0)
  const again = await visitor.open(PATH)
  assert.is(again.headers.location, '/account/')
})

test('a code does not work in another user’s session', async () => {
  const { name, mail } = await newcomer()
  const other = await newcomer()
  const page = await other.visitor.open(PATH)
  assert.is((await other.visitor.send(page, { code: mail.code })).status, 406)
  assert.not(await isConfirmed(name))
  const stranger = await site.visitor().open(PATH)
  assert.is(stranger.headers.location, `/login/?next=${encodeURIComponent(PATH)}`)
})

test('a code expires after 10 minutes, a link after a day', async () => {
  const { visitor, name, mail } = await newcomer()
  site.clock.advance(10 * MINUTE)
  assert.is((await visitor.send(await visitor.open(PATH), { code: mail.code })).status, 406)
  site.clock.advance(DAY - 10 * MINUTE - 1)
  const page = await visitor.follow(mail)
  assert.is(page.status, 200)
  site.clock.advance(1)
  const late = await visitor.send(page)
  assert.is(late.status, 410)
  assert.match(late.messages()[0] ?? '', 'has expired')
  assert.not(await isConfirmed(name))
})

test('a code allows 5 attempts, and an account 10 attempts a day', async () => {
  const { visitor, email, mail } = await newcomer()
  const page = await visitor.open(PATH)
  for (let count = 0; count < 5; count++) {
    assert.is((await visitor.send(page, { code: wrong(mail.code) })).status, 406)
  }
  assert.is(
    (await visitor.send(page, { code: mail.code })).status,
    406,
    'the right code at the sixth attempt',
  )
  for (let count = 0; count < 4; count++) await visitor.send(page, { code: wrong(mail.code) })
  const limited = await visitor.send(page, { code: mail.code })
  assert.is(limited.status, 429)
  assert.match(limited.messages()[0] ?? '', 'Too many wrong codes')
  await visitor.send(await visitor.open(PATH), {}, `${PATH}send/`)
  const [, second] = await site.mails(email, 2)
  assert.ok(second)
  assert.is(
    (await visitor.send(page, { code: second.code })).status,
    429,
    'another code does not get around the limit',
  )
  site.clock.advance(DAY)
})

test('input that is not a code does not count', async () => {
  const { visitor, mail } = await newcomer()
  const page = await visitor.open(PATH)
  for (const code of ['', '1234567', '123456789', 'abcdefgh', '１２', `${mail.code}0`]) {
    assert.is((await visitor.send(page, { code })).status, 406, code)
  }
  assert.is((await visitor.send(page, { code: mail.code })).status, 303)
})

test('a code may have Arabic digits and a dash', async () => {
  const { visitor, mail } = await newcomer()
  const arabic = mail.code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)))
  const page = await visitor.open(PATH)
  assert.is((await visitor.send(page, { code: `${arabic.slice(0, 3)}–${arabic.slice(3)}` })).status, 303)
})

test('another email, once a minute and 5 times an hour, replaces the code', async () => {
  const { visitor, email, mail } = await newcomer()
  const resend = async () => visitor.send(await visitor.open(PATH), {}, `${PATH}send/`)
  assert.is((await resend()).status, 303)
  const again = await resend()
  assert.is(again.status, 429)
  assert.match(again.messages()[0] ?? '', 'We have just sent an email')
  assert.is(again.headers['retry-after'], '60')
  const mails = await site.mails(email, 2)
  const newer = mails.find(({ link }) => link !== mail.link)
  assert.ok(newer)
  const page = await visitor.open(PATH)
  if (newer.code !== mail.code) {
    assert.is((await visitor.send(page, { code: mail.code })).status, 406)
  }
  const statuses = []
  for (let count = 0; count < 5; count++) {
    site.clock.advance(MINUTE)
    statuses.push((await resend()).status)
  }
  assert.equal(statuses, [303, 303, 303, 429, 429])
  assert.is((await visitor.follow(mail)).status, 200, 'the first link still works')
  assert.is((await visitor.send(await visitor.open(PATH))).status, 303)
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: correcting the address ends the link sent to the old one`, async () => {
    const { visitor, name, email, mail } = await newcomer({ htmx })
    const page = await visitor.open(`${PATH}address/`)
    assert.is(page.value('email'), email)
    const invalid = await visitor.send(page, { email: 'nothing' })
    assert.is(invalid.status, 406)
    assert.is(invalid.value('email'), 'nothing')
    await site.visitor().signUp(`owner of ${name}`, { email: `owner-of-${email}` })
    const taken = await visitor.send(page, { email: `OWNER-of-${email}` })
    assert.equal(taken.messages(), ['⚠ There is already an account with this email address.'])
    assert.is((await visitor.send(page, { email: `right-${email}` })).status, htmx ? 200 : 303)
    const right = await site.mail(`right-${email}`)
    assert.is((await visitor.follow(mail)).status, 410)
    assert.is((await visitor.send(await visitor.open(PATH), { code: right.code })).status, htmx ? 200 : 303)
    assert.ok(await isConfirmed(name))
    assert.is((await visitor.open(`${PATH}address/`)).status, 303, 'a confirmed address cannot be corrected')
  })
}

test('a double click on the correction sends one email, and its link works', async () => {
  const { visitor, email } = await newcomer()
  const page = await visitor.open(`${PATH}address/`)
  await visitor.send(page, { email: `right-${email}` })
  const mail = await site.mail(`right-${email}`)
  assert.is((await visitor.send(page, { email: `right-${email}` })).status, 303)
  assert.is((await visitor.send(page, { email: `right-${email}` })).status, 303)
  assert.is((await site.mails(`right-${email}`)).length, 1, 'one email is sent')
  assert.is((await visitor.follow(mail)).status, 200)
})

test('a link with a changed character, or for another purpose, is refused', async () => {
  const { visitor, name, mail } = await newcomer()
  const [, token = ''] = /link\/([^/]+)\/$/.exec(mail.link) ?? []
  for (let place = 0; place < token.length; place += 7) {
    const other = token[place] === 'A' ? 'B' : 'A'
    const changed = token.slice(0, place) + other + token.slice(place + 1)
    const page = await visitor.follow({ link: `${PATH}link/${changed}/` })
    assert.is(page.status, 410)
    assert.match(page.messages()[0] ?? '', 'does not work')
  }
  const elsewhere = await visitor.follow({ link: `/password/reset/link/${token}/` })
  assert.is(elsewhere.status, 410)
  assert.not(await isConfirmed(name))
  assert.is((await visitor.send(await visitor.follow(mail))).status, 303)
})

test('50 parallel forms confirm once', async () => {
  const { visitor, name, mail } = await newcomer()
  const page = await visitor.follow(mail)
  const responses = await Promise.all(Array.from({ length: 50 }, () => visitor.send(page)))
  assert.equal([...new Set(responses.map(({ status }) => status))], [303])
  const events = await site.rows(
    "select 1 from events join users on users.id = user_id where name = ? and kind = 'email_confirmed'",
    name,
  )
  assert.is(events.length, 1)
})

test('with required confirmation nobody logs in before it, and after 7 days the account is deleted', async () => {
  const strict = await Site.start({ environment: { EMAIL_CONFIRMATION: 'required' } })
  const visitor = strict.visitor()
  const signedUp = await visitor.signUp('Anna')
  assert.is(signedUp.headers.location, PATH)
  assert.match((await visitor.open(PATH)).messages()[0] ?? '', 'Now confirm your email address')
  const elsewhere = strict.visitor()
  const refused = await elsewhere.logIn('Anna')
  assert.is(refused.status, 406)
  assert.match(refused.messages()[0] ?? '', 'your email address is not confirmed yet')
  assert.equal(refused.$('.error a[href="/email/confirm/"]').length, 1)
  assert.match((await elsewhere.open('/')).text, 'Sign up')
  assert.equal(await strict.rows('select 1 from sessions'), [])
  const mail = await strict.mail('Anna@example.com')
  assert.is((await elsewhere.send(await elsewhere.follow(mail))).status, 303)
  assert.is((await elsewhere.logIn('Anna')).status, 303)

  await strict.visitor().signUp('Bela')
  // While an email is being sent, its account's row is locked, and a sweep skips it for a minute.
  await strict.allSent()
  const { database, clock } = strict
  await strict.close()
  clock.advance(7 * DAY)
  const later = await Site.start({
    database,
    now: clock.now,
    environment: { EMAIL_CONFIRMATION: 'required' },
  })
  await until(async () => (await later.rows('select id from users')).length === 1)
  assert.equal(await later.rows('select name from users'), [{ name: 'Anna' }])
  assert.is(
    (await later.visitor().signUp('Bela')).status,
    303,
    'username and email address are available again',
  )
  await later.close()
})

test('with required confirmation, a half login does not make a device known', async () => {
  const strict = await Site.start({ environment: { EMAIL_CONFIRMATION: 'required' } })
  const visitor = strict.visitor()
  await visitor.signUp('Anna')
  const mail = await strict.mail('Anna@example.com')
  const thief = strict.visitor()
  await thief.logIn('Anna')
  await visitor.send(await visitor.open(PATH), { code: mail.code })
  await strict.emptyMailbox()
  await visitor.logIn('Anna')
  await thief.logIn('Anna')
  assert.match((await strict.mail('Anna@example.com')).subject, 'New login to your')
  await strict.close()
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: a correction by a logged-in user needs a recent login`, async () => {
    const { visitor, name, email } = await newcomer({ htmx })
    const page = await visitor.open(`${PATH}address/`)
    assert.is(page.status, 200, 'right after sign-up no password is needed')
    await visitor.logIn(name)
    const form = await visitor.open(`${PATH}address/`)
    assert.is(form.status, 200)
    site.clock.advance(11 * MINUTE)
    assert.is((await visitor.send(form, { email: `thief-${email}` })).status, 403)
    const asked = await visitor.open(`${PATH}address/`)
    assert.match(asked.headers.location ?? '', '/password/confirm/')
    assert.equal(await site.rows('select email from users where name = ?', name), [{ email }])
  })
}

test('a correction is in the activity', async () => {
  const { visitor, name, email } = await newcomer()
  await visitor.send(await visitor.open(`${PATH}address/`), { email: `right-${email}` })
  const told = await site.rows(
    "select about from events join users on users.id = user_id where name = ? and kind = 'email_changed'",
    name,
  )
  assert.equal(told, [{ about: `${email} → right-${email}` }])
})

test('a link does not delete the account once the address has changed', async () => {
  const { name, email, mail } = await newcomer()
  const reader = site.visitor()
  await reader.follow(mail)
  const deny = await reader.open(`${PATH}deny/`)
  await site.write(
    `update users set email = 'right-${email}', email_key = 'right-${email}' where name = '${name}'`,
  )
  assert.is((await reader.send(deny)).status, 410)
  assert.is((await site.rows('select 1 from users where name = ?', name)).length, 1)
})

test('without email the pages are not offered', async () => {
  const silent = await Site.start({ environment: { MAIL: 'off' } })
  const visitor = await silent.visitor().settle('Anna')
  assert.is((await visitor.open(PATH)).status, 404)
  assert.is((await visitor.open('/password/forgot/')).status, 404)
  assert.not.match((await visitor.open('/')).text, 'onfirm')
  assert.not.match((await silent.visitor().open('/login/')).text, 'Forgot')
  assert.equal(await silent.rows('select 1 from mails'), [])
  await silent.close()
})

test('with two-step verification a half login neither shows nor changes the address', async () => {
  const twoStep = await Site.start()
  await turnOn(twoStep, await settled(twoStep, 'Anna'))
  const stranger = twoStep.visitor()
  await halfway(stranger, 'Anna')
  assert.match((await stranger.open(PATH)).headers.location ?? '', '/login/')
  assert.not.match((await stranger.open('/login/')).text, 'nna@example.com')
  await twoStep.write('update users set email_confirmed_at = null')
  assert.is((await stranger.open('/email/confirm/address/')).headers.location, PATH)
  await twoStep.close()
})

test.run()
