import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site, type Visitor } from './helpers.js'

const test = suite('account-password')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '1000/1h' } })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/account/password/'
const NEW = 'another horse 43'
let made = 0

async function member(options = {}): Promise<{ visitor: Visitor; name: string; email: string }> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  const visitor = site.visitor(options)
  await visitor.signUp(name, { email })
  await visitor.logIn(name)
  await site.emptyMailbox()
  return { visitor, name, email }
}

function change(visitor: Visitor, page: Page, typed: Record<string, string> = {}): Promise<Page> {
  return visitor.send(page, { current: PASSWORD, password: NEW, repassword: NEW, ...typed })
}

async function statusOfLogin(username: string, password: string): Promise<number> {
  return (await site.visitor().logIn(username, { password })).status
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: the current password is asked for, and all others are logged out`, async () => {
    const { visitor, name, email } = await member({ htmx })
    const others = [site.visitor(), site.visitor()]
    for (const other of others) await other.logIn(name)
    await site.emptyMailbox()
    const page = await visitor.open(PATH)
    assert.is(page.$('input[autocomplete=username]').attr('value'), name)
    const changed = await change(visitor, page)
    assert.is(changed.status, htmx ? 200 : 303)
    const last = htmx ? changed : await visitor.open(changed.headers.location ?? '')
    assert.equal(last.messages().slice(0, 1), [
      '✔ Your password is changed, and all other devices are logged out: 2.',
    ])
    assert.is((await visitor.open('/account/devices/')).status, 200, 'this one stays')
    for (const other of others) assert.is((await other.open('/account/devices/')).status, 303)
    assert.is(await statusOfLogin(name, PASSWORD), 406)
    assert.is(await statusOfLogin(name, NEW), 303)
    const notice = (await site.mails(email, 2)).find(({ subject }) => subject.includes('was changed'))
    assert.ok(notice)
    assert.is(notice.link, '/password/forgot/')
  })

  test(`${kind}: everything that is wrong is told at once, in the order of the fields, and no secret comes back`, async () => {
    const { visitor, name } = await member({ htmx })
    const page = await visitor.open(PATH)
    const empty = await visitor.send(page)
    assert.is(empty.status, 406)
    assert.equal(empty.messages(), [
      '⚠ Enter your current password.',
      '⚠ Choose a password.',
      '⚠ Repeat the password.',
    ])
    const short = await change(visitor, page, { current: '', password: 'q9!', repassword: 'other' })
    assert.equal(short.messages(), [
      '⚠ Enter your current password.',
      '⚠ Password: at least 6 characters.',
      '⚠ The two passwords differ.',
    ])
    assert.not.match(short.text, 'q9!')
    const wrong = await change(visitor, page, { current: 'not it at all' })
    assert.equal(wrong.messages(), ['⚠ This password is wrong.'])
    assert.is(wrong.fieldError('current'), 'This password is wrong.')
    assert.not.match(wrong.text, 'not it at all')
    const same = await change(visitor, page, { password: PASSWORD, repassword: PASSWORD })
    assert.equal(same.messages(), ['⚠ Password: not the one that you have already.'])
    assert.is(await statusOfLogin(name, PASSWORD), 303)
  })
}

test('the button pressed twice is answered alike, and changes it once', async () => {
  const { visitor, name, email } = await member()
  const page = await visitor.open(PATH)
  const [first, second] = [await change(visitor, page), await change(visitor, page)]
  assert.equal([first.status, second.status], [303, 303])
  assert.is(await statusOfLogin(name, NEW), 303)
  const notices = (await site.mails(email, 2)).filter(({ subject }) => subject.includes('was changed'))
  assert.is(notices.length, 1)
})

test('of two who change it at once one wins, and the other is told so', async () => {
  const { visitor, name } = await member()
  const other = site.visitor()
  await other.logIn(name)
  const pages = [await visitor.open(PATH), await other.open(PATH)] as const
  const answers = await Promise.all([
    change(visitor, pages[0], { password: 'first horse 43', repassword: 'first horse 43' }),
    change(other, pages[1], { password: 'second horse 43', repassword: 'second horse 43' }),
  ])
  const won = answers.map(({ status }) => status === 303)
  assert.equal([...won].sort(), [false, true])
  assert.is(await statusOfLogin(name, won[0] ? 'first horse 43' : 'second horse 43'), 303)
})

test('a stolen copy of the cookie is worth nothing afterwards, and nor are former device cookies', async () => {
  const { visitor, name } = await member()
  const cookies = visitor.agent.jar.getCookies({
    domain: '127.0.0.1',
    path: '/',
    script: false,
    secure: false,
  })
  const stolen = cookies.toValueString()
  const known = site.visitor()
  await known.logIn(name)
  await known.send(await known.open('/logout/'))
  await change(visitor, await visitor.open(PATH))
  site.clock.advance(11_000)
  const thief = await site.visitor().open('/account/devices/', { Cookie: stolen })
  assert.is(thief.status, 303)
  for (let count = 0; count < 5; count++) await site.visitor().logIn(name, { password: 'wrong' })
  assert.is((await known.logIn(name, { password: NEW })).status, 429, 'a stranger now')
})

test('a change of address that is under way ends with it, and so do links to a new password', async () => {
  const { visitor, name, email } = await member()
  await visitor.send(await visitor.open('/account/email/'), { email: `new-${email}` })
  const confirm = await site.mail(`new-${email}`)
  const asking = site.visitor()
  await asking.send(await asking.open('/password/forgot/'), { username: name })
  const reset = await site.mail(email)
  await change(visitor, await visitor.open(PATH))
  assert.is((await visitor.follow(confirm)).status, 410)
  assert.is((await visitor.follow(reset)).status, 410)
  assert.not.match((await visitor.open('/account/email/')).text, `new-${email}`)
})

test('wrong passwords are limited here, too', async () => {
  const { visitor } = await member()
  const page = await visitor.open(PATH)
  for (let count = 0; count < 20; count++) await change(visitor, page, { current: 'wrong one' })
  assert.is((await change(visitor, page)).status, 429)
})

test('whoever is logged out is led to the login, and back', async () => {
  const page = await site.visitor().open(PATH)
  assert.is(page.headers.location, `/login/?next=${encodeURIComponent(PATH)}`)
  const { visitor } = await member()
  const form = await visitor.open(PATH)
  await visitor.send(await visitor.open('/logout/'))
  assert.is((await change(visitor, form)).status, 403)
})

test('password managers find the page', async () => {
  const { visitor } = await member()
  const page = await visitor.open('/.well-known/change-password')
  assert.is(page.status, 303)
  assert.is(page.headers.location, PATH)
  assert.is((await visitor.open('/.well-known/something-else')).status, 404)
  assert.is((await visitor.post('/.well-known/change-password', '')).status, 404)
})

test.run()
