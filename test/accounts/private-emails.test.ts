import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../support/helpers.js'
import { createToSignUp, Device, typeToSignUp, useToLogIn } from '../support/passkey.js'

/*
 * With PRIVATE_EMAILS every response about a taken email address is the same, to the byte, as about an unused one. The
 * table in docs/what-responses-reveal.md says so for every endpoint.
 */
const test = suite('private email addresses')
const ENVIRONMENT = {
  EMAIL_CONFIRMATION: 'required',
  PRIVATE_EMAILS: 'true',
  LIMIT_MAIL_NETWORK: '1000/1h',
  LIMIT_SIGNUP_NETWORK: '1000/1h',
  LIMIT_MAIL_ADDRESS: '100/1h',
  LIMIT_LOGIN_NAME: '1000/1m',
  LIMIT_LOGIN_ACCOUNT: '1000/1m',
  LIMIT_LOGIN_NETWORK: '1000/1m',
}
const TAKEN = 'anna@example.com'
const FREE = 'otto@example.com'
let site: Site

test.before(async () => {
  site = await Site.start({ environment: ENVIRONMENT })
  await confirmed('Anna', TAKEN)
})
test.after(() => site.close())
test.after.each(async () => {
  await site.emptyMailbox()
  site.clock.advance(HOUR)
})

async function confirmed(name: string, email: string): Promise<Visitor> {
  const visitor = site.visitor()
  await visitor.signUp(name, { email })
  const mail = await site.mail(email)
  await visitor.send(await visitor.open('/email/confirm/'), { code: mail.code })
  await visitor.logIn(name)
  await site.emptyMailbox()
  return visitor
}

/** Returns what an observer can compare: all of the response, and the length of what is random. */
function masked({ status, text, headers, cookies }: Page, ...typed: string[]): unknown {
  const whole = typed.reduce((shown, value, index) => shown.replaceAll(value, `TYPED ${index}`), text)
  const hidden = whole.replaceAll(/(data-passkey=")([^"]*)/g, (_, head, value) => head + value.length)
  const values = hidden.replaceAll(/(name="_(?:csrf|once)" value=")([^"]*)/g, (_, head, value) => {
    return head + value.length
  })
  const { 'set-cookie': _, date: __, etag: ___, 'content-length': ____, ...rest } = headers
  const location = typed.reduce(
    (shown, value, index) => shown.replaceAll(encodeURIComponent(value), `TYPED ${index}`),
    headers.location ?? '',
  )
  return { status, values, rest: { ...rest, location }, cookies: cookies.map((cookie) => cookie.length) }
}

let made = 0

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: sign-up and all later pages hide that an address is taken`, async () => {
    const walk = async (email: string, correction: string) => {
      const name = `guest ${100 + ++made}`
      const visitor = site.visitor({ htmx })
      const typed = [name, email, correction, name.replace(' ', '-')]
      const pages = [await visitor.signUp(name, { email })]
      pages.push(await visitor.open('/'), await visitor.open('/email/confirm/'))
      pages.push(await visitor.send(await visitor.open('/email/confirm/'), { code: '00000000' }))
      pages.push(await visitor.send(await visitor.open('/email/confirm/'), {}, '/email/confirm/send/'))
      pages.push(await visitor.send(await visitor.open('/email/confirm/'), {}, '/email/confirm/send/'))
      pages.push(await visitor.logIn(name), await visitor.logIn(name, { password: 'wrong' }))
      pages.push(
        await visitor.logIn(email, { password: 'other horse 44' }),
        await visitor.open(`/users/${name.replace(' ', '-')}/`),
      )
      pages.push(await site.visitor({ htmx }).signUp(name, { email: `x${email}` }))
      const address = await visitor.open('/email/confirm/address/')
      pages.push(await visitor.send(address, { email: correction }), await visitor.open('/email/confirm/'))
      return pages.map((page) => masked(page, ...typed))
    }
    const [taken, free] = [await walk(TAKEN, 'gusi@example.com'), await walk(FREE, TAKEN)]
    for (const [index, response] of taken.entries()) assert.equal(response, free[index], `step ${index}`)
  })

  test(`${kind}: a refused login does not reveal what was wrong`, async () => {
    const visitor = site.visitor()
    await visitor.signUp(`waiting ${htmx}`, { email: `waiting-${htmx}@example.com` })
    const responses = []
    for (const [username, password] of [
      ['anna', 'wrong password'],
      ['otto', 'wrong password'],
      [TAKEN, 'wrong password'],
      [FREE, 'wrong password'],
      [`waiting-${htmx}@example.com`, PASSWORD],
    ] as const) {
      const page = await site.visitor({ htmx }).logIn(username, { password })
      responses.push(masked(page, username))
    }
    for (const response of responses) assert.equal(response, responses[0])
  })

  test(`${kind}: an email change hides that the new address is taken`, async () => {
    const walk = async (next: string) => {
      const name = `member ${100 + ++made}`
      const visitor = await confirmed(name, `${name.replace(' ', '-')}@example.com`)
      const browser = site.visitor({ htmx })
      await browser.logIn(name)
      const asked = await browser.send(await browser.open('/account/email/'), { email: next })
      const pages = [asked, await browser.open('/account/email/')]
      await visitor.send(await visitor.open('/account/email/'), {}, '/account/email/cancel/')
      const slug = name.replace(' ', '-')
      return pages.map((page) => masked(page, name, `${slug}@example.com`, next, slug))
    }
    assert.equal(await walk(TAKEN), await walk(FREE))
  })
}

test('an email address cannot be confirmed while its previous owner can undo', async () => {
  const owner = await confirmed('Mover', 'mover@example.com')
  await owner.send(await owner.open('/account/email/'), { email: 'moved@example.com' })
  const mail = await site.mail('moved@example.com')
  await owner.send(await owner.follow(mail))
  const undo = await site.mail('mover@example.com')
  await site.emptyMailbox()
  for (const htmx of [false, true]) {
    const other = site.visitor({ htmx })
    await other.signUp(`Heir ${htmx}`, { email: 'mover@example.com' })
    const { code } = await site.mail('mover@example.com')
    await site.emptyMailbox()
    const refused = await other.send(await other.open('/email/confirm/'), { code })
    assert.is(refused.status, 406)
    assert.equal(refused.messages(), ['⚠ This email address now belongs to another account.'])
  }
  const reader = site.visitor()
  assert.is((await reader.send(await reader.follow(undo))).status, 303)
})

test('the user’s data do not reveal that the new address is taken', async () => {
  const walk = async (next: string) => {
    const name = `member ${100 + ++made}`
    const visitor = await confirmed(name, `${name.replace(' ', '-')}@example.com`)
    await visitor.send(await visitor.open('/account/email/'), { email: next })
    await site.allSent()
    const { tokens, mails } = JSON.parse((await visitor.open('/account/export/json/')).text)
    const page = await visitor.open('/account/export/')
    const rows = page.$('.rows > *').length
    return { tokens: tokens.length, mails: mails.map(({ kind }: { kind: string }) => kind), rows }
  }
  assert.equal(await walk(TAKEN), await walk(FREE))
})

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a sign-up with a passkey hides that an address is taken`, async () => {
    const local = await Site.start({ host: 'localhost', environment: ENVIRONMENT })
    const anna = local.visitor()
    await anna.signUp('Anna', { email: TAKEN })
    const { code } = await local.mail(TAKEN)
    await anna.send(await anna.open('/email/confirm/'), { code })
    await local.emptyMailbox()
    const walk = async (username: string, email: string) => {
      const visitor = local.visitor({ htmx })
      const device = new Device()
      const pages = [await typeToSignUp(visitor, { username, email })]
      const page = await visitor.open('/signup/passkey/')
      pages.push(page, await createToSignUp(local, visitor, page, device))
      pages.push(await visitor.open('/email/confirm/'))
      pages.push(await visitor.send(await visitor.open('/email/confirm/'), { code: '00000000' }))
      pages.push(await useToLogIn(local, visitor, device), await visitor.open('/email/confirm/'))
      return pages.map((page) => masked(page, username, email))
    }
    const [taken, free] = [await walk('guest 11', TAKEN), await walk('guest 12', FREE)]
    for (const [index, response] of taken.entries()) assert.equal(response, free[index], `step ${index}`)
    assert.match((await local.mail(TAKEN)).subject, 'You already have an account')
    await local.close()
  })
}

test('only the owner of a taken address gets an email', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Somebody', { email: TAKEN })
  const mail = await site.mail(TAKEN)
  assert.match(mail.subject, 'You already have an account')
  assert.is(mail.code, '')
  assert.is(mail.link, '/login/')
})

test('a reset by a taken address goes only to its owner’s account', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Intruder', { email: TAKEN })
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Intruder' })
  await visitor.send(await visitor.open('/password/forgot/'), { username: TAKEN })
  const mail = await site.mail(TAKEN)
  assert.match(mail.text, 'Your username is Anna')
})

test('a reset by an unconfirmed address works, and the page does not reveal it', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Forgetful', { email: 'Forgetful@example.com' })
  await site.emptyMailbox()
  const responses = []
  for (const username of ['forgetful@example.com', 'forgetfum@example.com']) {
    const browser = site.visitor()
    const response = await browser.send(await browser.open('/password/forgot/'), { username })
    responses.push(masked(response, username), masked(await browser.open('/password/reset/'), username))
  }
  assert.equal(responses.slice(0, 2), responses.slice(2))
  const mail = await site.mail()
  assert.is(mail.to, 'Forgetful@example.com')
  const reader = site.visitor()
  const password = 'another horse 43'
  await reader.send(await reader.follow(mail), { password, repassword: password })
  assert.is((await site.visitor().logIn('forgetful@example.com', { password })).status, 303)
  const wrong = await site.visitor().logIn(FREE, { password })
  assert.match(wrong.messages()[0] ?? '', 'Until your email address is confirmed, log in with your username')
})

test('a reset by a confirmed address is for its owner, despite later sign-ups', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Later', { email: TAKEN })
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/password/forgot/'), { username: TAKEN })
  assert.match((await site.mail(TAKEN)).text, 'Your username is Anna')
})

test('5 sign-ups with one taken address send its owner one email', async () => {
  for (let count = 0; count < 5; count++) {
    assert.is((await site.visitor().signUp(`again ${++made}`, { email: TAKEN })).status, 303)
  }
  await site.allSent()
  assert.is((await site.mails(TAKEN)).length, 1)
})

test('the first to confirm an email address has it, and the second is told', async () => {
  const [one, other] = [site.visitor(), site.visitor()]
  await one.signUp('First', { email: 'both@example.com' })
  const first = await site.mail('both@example.com')
  await site.emptyMailbox()
  await other.signUp('Second', { email: 'both@example.com' })
  const second = await site.mail('both@example.com')
  assert.is((await other.send(await other.open('/email/confirm/'), { code: second.code })).status, 303)
  const late = await one.send(await one.open('/email/confirm/'), { code: first.code })
  assert.is(late.status, 406)
  assert.equal(late.messages(), ['⚠ This email address now belongs to another account.'])
  assert.is(late.$('.error a').length, 0, 'there is no field to link to')
  assert.is((await site.visitor().logIn('both@example.com')).status, 303)
})

test('an unconfirmed account is deleted after a day, and its username is available', async () => {
  const own = await Site.start({ environment: ENVIRONMENT })
  await own.visitor().signUp('Waiting')
  assert.is((await own.visitor().signUp('Waiting', { email: 'other@example.com' })).status, 406)
  // While an email is being sent, its account's row is locked, and a sweep skips it for a minute.
  await own.allSent()
  const { database, clock } = own
  await own.close()
  clock.advance(DAY)
  const later = await Site.start({ database, now: clock.now, environment: ENVIRONMENT })
  await until(async () => (await later.rows('select id from users')).length === 0)
  assert.is((await later.visitor().signUp('Waiting', { email: 'other@example.com' })).status, 303)
  await later.close()
})

test.run()
