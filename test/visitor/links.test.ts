import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Mail, PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'

const test = suite('a link opened in another user’s browser')
let site: Site

test.before(async () => {
  const LIMITS = { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' }
  site = await Site.start({ environment: LIMITS })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const NEW = 'another horse 43'
let made = 0

interface Reader {
  name: string
  email: string
  visitor: Visitor
  /** The email of the sign-up. */
  mail: Mail
}

async function reader(): Promise<Reader> {
  const [name, email] = [`Reader ${++made}`, `reader${made}@example.com`]
  const visitor = site.visitor()
  await visitor.signUp(name, { email })
  const mail = await site.mail(email)
  await visitor.logIn(name)
  return { name, email, visitor, mail }
}

async function confirmed(): Promise<Reader> {
  const someone = await reader()
  await someone.visitor.send(await someone.visitor.follow(someone.mail))
  await site.emptyMailbox()
  return someone
}

interface Walk {
  /** Creates a user with an emailed link. */
  link: () => Promise<Reader & { link: Mail }>
  typed?: Record<string, string>
  to?: (reader: Reader) => string
}

const loginAs = ({ name }: Reader) => `/login/?username=${name.replace(' ', '+')}`

const WALKS: Record<string, Walk> = {
  'a password reset': {
    async link() {
      const someone = await confirmed()
      const asking = site.visitor()
      await asking.send(await asking.open('/password/forgot/'), { username: someone.name })
      return { ...someone, link: await site.mail(someone.email) }
    },
    typed: { password: NEW, repassword: NEW },
    to: loginAs,
  },
  'an email confirmation': {
    async link() {
      const someone = await reader()
      return { ...someone, link: someone.mail }
    },
    typed: { password: PASSWORD },
    to: loginAs,
  },
  'an email change': {
    async link() {
      const someone = await confirmed()
      const next = `new-${someone.email}`
      await someone.visitor.send(await someone.visitor.open('/account/email/'), { email: next })
      return { ...someone, link: await site.mail(next) }
    },
    typed: { password: PASSWORD },
    to: loginAs,
  },
  'an undone email change': {
    async link() {
      const someone = await confirmed()
      const next = `new-${someone.email}`
      await someone.visitor.send(await someone.visitor.open('/account/email/'), { email: next })
      await someone.visitor.send(await someone.visitor.follow(await site.mail(next)))
      return { ...someone, link: await site.mail(someone.email) }
    },
    to: () => '/password/reset/',
  },
  'a reopened account': {
    async link() {
      const someone = await confirmed()
      await someone.visitor.send(await someone.visitor.open('/account/close/'))
      return { ...someone, link: await site.mail(someone.email) }
    },
    to: loginAs,
  },
}

function shownText(page: Page): string {
  return page.$('main').text().replaceAll(/\s+/g, ' ')
}

for (const htmx of [false, true]) {
  for (const [what, { link, typed = {}, to }] of Object.entries(WALKS)) {
    test(`${htmx ? 'htmx' : 'a plain browser'}: ${what} names both users`, async () => {
      const someone = await link()
      const owner = (await confirmed()).name
      const browser = site.visitor({ htmx })
      await browser.logIn(owner)
      const page = await browser.follow(someone.link)
      assert.match(
        shownText(page),
        `You are logged in as ${owner}. This page is about the account ${someone.name}`,
      )
      const done = await browser.send(page, typed)
      const place = done.headers['hx-redirect'] ?? done.headers.location ?? done.$('.success a').attr('href')
      assert.is(place, to?.(someone))
      const after = await browser.open(place ?? '')
      assert.is(after.status, 200, 'it does not lead to the current user’s home page')
      assert.match(shownText(after), `You are logged in as ${owner}`)
      assert.match((await browser.open('/account/')).text, owner)
    })
  }

  test(`${htmx ? 'htmx' : 'a plain browser'}: the login that follows replaces the current user`, async () => {
    const [one, other] = [await confirmed(), await confirmed()]
    const browser = site.visitor({ htmx })
    await browser.logIn(one.name)
    const page = await browser.open(loginAs(other))
    assert.is(page.value('username'), other.name)
    await browser.send(page, { password: PASSWORD })
    assert.match((await browser.open('/account/')).text, other.name)
    assert.is((await browser.open(loginAs(other))).status, 303)
  })

  test(`${htmx ? 'htmx' : 'a plain browser'}: denying an account leads to no page of the current user`, async () => {
    const [someone, owner] = [await reader(), await confirmed()]
    const browser = site.visitor({ htmx })
    await browser.logIn(owner.name)
    await browser.follow(someone.mail)
    const done = await browser.send(await browser.open('/email/confirm/deny/'))
    const place = done.headers['hx-redirect'] ?? done.headers.location ?? ''
    assert.is(place, '/email/confirm/deny/')
    assert.match(shownText(await browser.open(place)), 'is closed')
    assert.equal((await browser.open('/')).messages(), [])
  })
}

test('a link for the current user names nobody', async () => {
  const { visitor, mail } = await reader()
  assert.not.match(shownText(await visitor.follow(mail)), 'You are logged in as')
})

test.run()
