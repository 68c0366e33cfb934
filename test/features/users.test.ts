import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../support/helpers.js'

const test = suite('users')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

test('a public page shows username and sign-up day, and no email address', async () => {
  await site.visitor().signUp('Слава', { email: 'secret-address@example.com' })
  const page = await site.visitor().open('/users/slava/')
  assert.is(page.status, 200)
  assert.is(page.$('h1').text(), 'Слава')
  assert.is(page.$('time').text(), 'January 1, 2026')
  assert.is(page.$('time').attr('datetime'), '2026-01-01T00:00:00.000Z')
  assert.not.match(page.text, 'secret-address')
  assert.equal(page.cookies, [])
})

test('a username without a Latin form is its own slug', async () => {
  const visitor = await site.visitor().settle('王小明')
  const link = (await visitor.open('/')).$('main a[href^="/users/"]').attr('href') ?? ''
  assert.is(link, `/users/${encodeURIComponent('王小明')}/`)
  assert.is((await visitor.open(link)).$('h1').text(), '王小明')
})

test('an unknown or malformed slug gets a 404 page with a link home', async () => {
  for (const slug of ['nobody', '%', '%ff', '%00', '..%2f', 'a'.repeat(3000)]) {
    const page = await site.visitor().open(`/users/${slug}/`)
    assert.is(page.status, 404)
    assert.ok(page.isWhole)
    assert.is(page.$('main a[href="/"]').length, 1)
  }
})

test('the previous URL of a public page redirects to the current one for 90 days', async () => {
  const visitor = await site.visitor().settle('First')
  for (const username of ['Second', '王小红'])
    await visitor.send(await visitor.open('/account/name/'), { username })
  const present = `/users/${encodeURIComponent('王小红')}/`
  for (const path of ['/users/first/', '/users/second/']) {
    for (const headers of [{}, { 'HX-Request': 'true' }]) {
      const page = await site.visitor().open(path, headers)
      assert.is(page.status, 301)
      assert.is(page.headers.location, present)
      assert.is(page.headers['cache-control'], 'private, no-cache, no-store')
      assert.equal(page.cookies, [])
    }
    assert.is((await site.visitor().open(path.slice(0, -1))).headers.location, path)
  }
  assert.is((await site.visitor().open(present)).status, 200)
  site.clock.advance(90 * 24 * 60 * 60 * 1000)
  assert.is((await site.visitor().open('/users/first/')).status, 404)
  assert.is((await site.visitor().open(present)).status, 200)
})

test('a closed account has no public page at any of its URLs', async () => {
  const visitor = await site.visitor().settle('Closing')
  await visitor.send(await visitor.open('/account/name/'), { username: 'Closed' })
  await site.write("update users set closed_at = 1 where name = 'Closed'")
  for (const path of ['/users/closed/', '/users/closing/']) {
    const page = await site.visitor().open(path)
    assert.is(page.status, 404)
    assert.equal(page.messages(), ['⚠ There is no user at this address.'])
  }
  await site.write("update users set closed_at = null where name = 'Closed'")
  assert.is((await site.visitor().open('/users/closed/')).status, 200)
  assert.is((await site.visitor().open('/users/closing/')).status, 301)
})

test('with private email addresses only confirmed users have a public page', async () => {
  const discreet = await Site.start({ emailConfirmation: 'required', privateEmails: true })
  await discreet.visitor().signUp('Discreet')
  assert.is((await discreet.visitor().open('/users/discreet/')).status, 404)
  await discreet.write('update users set email_confirmed_at = 1')
  assert.is((await discreet.visitor().open('/users/discreet/')).status, 200)
  await discreet.close()
})

test('the URL without its trailing slash redirects to the one with it', async () => {
  const page = await site.visitor().open('/users/slava?a=b')
  assert.is(page.status, 308)
  assert.is(page.headers.location, '/users/slava/?a=b')
})

test.run()
