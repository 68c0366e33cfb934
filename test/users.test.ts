import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from './helpers.js'

const test = suite('users')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

test('a public page shows name and day of sign-up, never the e-mail, and gives nobody a cookie', async () => {
  await site.visitor().signUp('Слава', { email: 'secret-address@example.com' })
  const page = await site.visitor().open('/users/slava/')
  assert.is(page.status, 200)
  assert.is(page.$('h1').text(), 'Слава')
  assert.is(page.$('time').text(), 'January 1, 2026')
  assert.is(page.$('time').attr('datetime'), '2026-01-01T00:00:00.000Z')
  assert.not.match(page.text, 'secret-address')
  assert.equal(page.cookies, [])
})

test('a name without a Latin form has its page under itself', async () => {
  const visitor = await site.visitor().settle('王小明')
  const link = (await visitor.open('/')).$('main a[href^="/users/"]').first().attr('href') ?? ''
  assert.is(link, `/users/${encodeURIComponent('王小明')}/`)
  assert.is((await visitor.open(link)).$('h1').text(), '王小明')
})

test('an unknown or broken address is a helpful 404 page', async () => {
  for (const slug of ['nobody', '%', '%ff', '%00', '..%2f', 'a'.repeat(3000)]) {
    const page = await site.visitor().open(`/users/${slug}/`)
    assert.is(page.status, 404)
    assert.ok(page.isWhole)
    assert.is(page.$('main a[href="/"]').length, 1)
  }
})

test('the page without its last slash leads on to the one with it', async () => {
  const page = await site.visitor().open('/users/slava?a=b')
  assert.is(page.status, 308)
  assert.is(page.headers.location, '/users/slava/?a=b')
})

test.run()
