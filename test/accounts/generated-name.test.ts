import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as fields from '../../src/accounts/fields.js'
import { generatedName } from '../../src/accounts/generated-name.js'
import { PASSWORD, type Page, Site } from '../support/helpers.js'
import { sentTwice } from '../support/lost-response.js'
import { createToSignUp, Device, typeToSignUp } from '../support/passkey.js'

const test = suite('usernames that are made up')
const EMAIL = 'vera.secret@example.com'
let site: Site

test.before.each(async () => {
  site = await Site.start({ environment: { USERNAMES: 'made' } })
})
test.after.each(() => site.close())

const typed = { email: EMAIL, password: PASSWORD, repassword: PASSWORD }

async function names(): Promise<string[]> {
  return (await site.rows<{ name: string }>('select name from users')).map(({ name }) => name)
}

function hasField(page: Page, name: string): boolean {
  return page.$(`main form [name=${name}]`).length > 0
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: sign-up needs only an email address, and the username can be changed`, async () => {
    const visitor = site.visitor({ htmx })
    const page = await visitor.open('/signup/')
    assert.not(hasField(page, 'username'))
    assert.is(page.$('#email').attr('autocomplete'), 'username')
    const done = await visitor.send(page, typed)
    const shown = htmx ? done : await visitor.open(done.headers.location ?? '')
    assert.match(shown.messages()[0] ?? '', `Your account ${EMAIL} is ready.`)
    assert.match(shown.text, 'href="/login/"')
    assert.not.match(shown.text, 'user-')
    const [name = ''] = await names()
    assert.match(name, /^user-[a-z2-9]{9}$/)
    await visitor.logIn(EMAIL)
    assert.match((await visitor.open('/account/')).text, name)
    await visitor.send(await visitor.open('/account/name/'), { username: 'Vera' })
    assert.equal(await names(), ['Vera'])
    const other = site.visitor()
    await other.logIn('Vera')
    assert.is((await other.open('/account/')).status, 200)
  })
}

test('a submitted username is ignored', async () => {
  const visitor = site.visitor()
  const page = await visitor.open('/signup/')
  await visitor.send(page, { ...typed, username: 'Administrator' })
  assert.match((await names())[0] ?? '', /^user-/)
})

test('a form whose response was lost creates one account', async () => {
  const visitor = site.visitor()
  const response = await sentTwice(site, visitor, await visitor.open('/signup/'), typed)
  assert.is(response.status, 303)
  assert.is((await names()).length, 1)
})

test('an address that has an account is refused, with no other error', async () => {
  await site
    .visitor()
    .send(await site.visitor().open('/signup/'), typed)
    .catch(() => {})
  const first = site.visitor()
  await first.send(await first.open('/signup/'), typed)
  const second = site.visitor()
  const refused = await second.send(await second.open('/signup/'), typed)
  assert.is(refused.status, 406)
  assert.match(refused.messages().join(), 'email')
  assert.is((await names()).length, 1)
})

test('the names follow the rules of usernames, and reveal nothing about the address', () => {
  const made = Array.from({ length: 2_000 }, (_, seed) => generatedName(`${EMAIL} ${seed}`))
  assert.is(new Set(made).size, made.length)
  for (const name of made) {
    assert.equal(fields.check(fields.username, name), [], name)
    assert.not.match(name, /vera|secret/)
  }
})

test('a sign-up with a passkey shows the address, and makes up the name before the passkey is created', async () => {
  const environment = { USERNAMES: 'made', EMAIL_CONFIRMATION: 'required' }
  const strict = await Site.start({ host: 'localhost', environment })
  const visitor = strict.visitor()
  await typeToSignUp(visitor, { email: EMAIL })
  const page = await visitor.open('/signup/passkey/')
  assert.match(page.text, EMAIL)
  assert.not.match(page.text, 'user-')
  const done = await createToSignUp(strict, visitor, page, new Device())
  assert.is(done.headers.location, '/email/confirm/')
  const [made] = await strict.rows<{ name: string }>('select name from users')
  assert.match(made?.name ?? '', /^user-[a-z2-9]{9}$/)
  await strict.close()
})

test('is refused with private emails', async () => {
  const environment = { USERNAMES: 'made', PRIVATE_EMAILS: 'true', EMAIL_CONFIRMATION: 'required' }
  try {
    await (await Site.start({ environment })).close()
  } catch (error) {
    return assert.match(String(error), 'USERNAMES cannot be made with PRIVATE_EMAILS=true.')
  }
  assert.unreachable()
})

test.run()
