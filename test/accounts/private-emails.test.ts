import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, until, type Visitor } from '../support/helpers.js'

/*
 * With PRIVATE_EMAILS nobody finds out by us whose an address is: whatever is asked of a taken address is answered like the
 * same of a free one, to the byte. The table in docs/what-answers-reveal.md says so for every endpoint.
 */
const test = suite('private e-mails')
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

/** What an observer may compare: all but what is random, of which the length counts. */
function masked({ status, text, headers, cookies }: Page, ...typed: string[]): unknown {
  const hidden = typed.reduce((shown, value, index) => shown.replaceAll(value, `TYPED ${index}`), text)
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

  test(`${kind}: a sign-up with a taken address and all that can follow are answered like with a free one`, async () => {
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
    for (const [index, answer] of taken.entries()) assert.equal(answer, free[index], `step ${index}`)
  })

  test(`${kind}: a login tells nothing of what was wrong`, async () => {
    const visitor = site.visitor()
    await visitor.signUp(`waiting ${htmx}`, { email: `waiting-${htmx}@example.com` })
    const answers = []
    for (const [username, password] of [
      ['anna', 'wrong password'],
      ['otto', 'wrong password'],
      [TAKEN, 'wrong password'],
      [FREE, 'wrong password'],
      [`waiting-${htmx}@example.com`, PASSWORD],
    ] as const) {
      const page = await site.visitor({ htmx }).logIn(username, { password })
      answers.push(masked(page, username))
    }
    for (const answer of answers) assert.equal(answer, answers[0])
  })

  test(`${kind}: a change of address to a taken one is answered like one to a free one`, async () => {
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

test('nobody confirms an address that its former owner may yet take back', async () => {
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

test('what is stored about a user does not tell whose the address is that is to follow', async () => {
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

test('the owner of the address gets a mail, and whoever has typed it none', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Somebody', { email: TAKEN })
  const mail = await site.mail(TAKEN)
  assert.match(mail.subject, 'You already have an account')
  assert.is(mail.code, '')
  assert.is(mail.link, '/login/')
})

test('an account with somebody else’s address can neither be confirmed nor recovered by it', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Intruder', { email: TAKEN })
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Intruder' })
  await visitor.send(await visitor.open('/password/forgot/'), { username: TAKEN })
  const mail = await site.mail(TAKEN)
  assert.match(mail.text, 'Your username is Anna')
})

test('who has not confirmed yet gets a new password by address as by name, and the page says nothing of it', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Forgetful', { email: 'Forgetful@example.com' })
  await site.emptyMailbox()
  const answers = []
  for (const username of ['forgetful@example.com', 'forgetfum@example.com']) {
    const browser = site.visitor()
    const answer = await browser.send(await browser.open('/password/forgot/'), { username })
    answers.push(masked(answer, username), masked(await browser.open('/password/reset/'), username))
  }
  assert.equal(answers.slice(0, 2), answers.slice(2))
  const mail = await site.mail()
  assert.is(mail.to, 'Forgetful@example.com')
  const reader = site.visitor()
  const password = 'another horse 43'
  await reader.send(await reader.follow(mail), { password, repassword: password })
  assert.is((await site.visitor().logIn('forgetful@example.com', { password })).status, 303)
  const wrong = await site.visitor().logIn(FREE, { password })
  assert.match(wrong.messages()[0] ?? '', 'Until your email address is confirmed, log in with your username')
})

test('an address that is confirmed is answered by its owner’s account, whoever has signed up with it since', async () => {
  const visitor = site.visitor()
  await visitor.signUp('Later', { email: TAKEN })
  await site.emptyMailbox()
  await visitor.send(await visitor.open('/password/forgot/'), { username: TAKEN })
  assert.match((await site.mail(TAKEN)).text, 'Your username is Anna')
})

test('five sign-ups with one taken address bring its owner one mail', async () => {
  for (let count = 0; count < 5; count++) {
    assert.is((await site.visitor().signUp(`again ${++made}`, { email: TAKEN })).status, 303)
  }
  await site.allSent()
  assert.is((await site.mails(TAKEN)).length, 1)
})

test('of two who wait for one address the first to confirm has it, and the other is told so', async () => {
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
  assert.is(late.$('.error a').length, 0, 'there is no field to lead to')
  assert.is((await site.visitor().logIn('both@example.com')).status, 303)
})

test('the name is held for a day either way', async () => {
  const own = await Site.start({ environment: ENVIRONMENT })
  await own.visitor().signUp('Waiting')
  assert.is((await own.visitor().signUp('Waiting', { email: 'other@example.com' })).status, 406)
  // A mail on its way holds the row of its account, which a sweep passes over for a minute then.
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
