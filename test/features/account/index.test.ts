import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { features } from '../../../src/features/index.js'
import { type Page, Site } from '../../support/helpers.js'

const test = suite('account')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const PATH = '/account/'

function texts({ $ }: Page, selector: string): string[] {
  return $(selector)
    .toArray()
    .map((element) => $(element).text().replaceAll(/\s+/g, ' ').trim())
}

function links({ $ }: Page): string[] {
  return $('.rows a')
    .toArray()
    .map(({ attribs }) => attribs.href ?? '')
}

for (const htmx of [false, true]) {
  test(`a visitor ${htmx ? 'with htmx ' : ''}must log in first, and comes back`, async () => {
    const page = await site.visitor().open(PATH, htmx ? { 'HX-Request': 'true' } : {})
    assert.is(page.status, htmx ? 200 : 303)
    assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], '/login/?next=%2Faccount%2F')
  })
}

test('it shows the email address, and the username with a link to the public page', async () => {
  const visitor = await site.visitor().settle('Слава')
  const page = await visitor.open(PATH)
  assert.is(page.title, 'Your account · Gatehouse')
  assert.is(page.$('dd bdi').first().text(), 'Слава')
  assert.is(page.$('dd a').attr('href'), '/users/slava/')
  assert.match(page.$('dl').text(), '@example.com')
})

test('it links to every page of the account that exists', async () => {
  const visitor = await site.visitor().settle('Leader')
  const offered = [
    'account/name',
    'account/email',
    'account/passkeys',
    'account/password',
    'account/two-step',
  ]
  offered.push('account/devices', 'account/activity', 'account/export', 'account/close')
  const names = features.map(({ name }) => name)
  const expected = offered.filter((name) => names.includes(name))
  const found = links(await visitor.open(PATH))
  assert.equal(
    found,
    expected.map((name) => `/${name}/`),
  )
  for (const path of found) assert.not.equal((await visitor.open(path)).status, 404, path)
})

test('it shows whether the email address is confirmed, if that is offered', async () => {
  const visitor = await site.visitor().settle('Confirmer')
  const isOffered = features.some(({ name }) => name === 'email/confirm')
  const before = await visitor.open(PATH)
  assert.is(before.text.includes('Not confirmed yet'), isOffered)
  assert.is(before.$('dd a[href="/email/confirm/"]').length, isOffered ? 1 : 0)
  await site.write("update users set email_confirmed_at = 1 where name = 'Confirmer'")
  const after = await visitor.open(PATH)
  assert.is(texts(after, 'dd .hint').includes('Confirmed'), isOffered)
  assert.not.match(after.text, 'Not confirmed yet')
})

test('a new email address that waits for confirmation is shown next to the current one', async () => {
  const visitor = await site.visitor().settle('Waiter')
  assert.not.match((await visitor.open(PATH)).text, 'New email address')
  await site.write("update users set next_email = 'next@example.com' where name = 'Waiter'")
  const page = await visitor.open(PATH)
  assert.match(texts(page, 'dl div').join('\n'), /New email address ?next@example.com/)
  assert.match(page.text, 'Waiter@example.com')
})

test('the username in every page’s header links to it, and so does the home page', async () => {
  const visitor = await site.visitor().settle('Header')
  for (const path of ['/', '/members/', '/nowhere/', PATH]) {
    const link = (await visitor.open(path)).$('header nav a').first()
    assert.is(link.attr('href'), PATH, path)
    assert.is(link.text(), 'Header')
  }
  const home = await visitor.open('/')
  const found = home
    .$('main .actions a')
    .toArray()
    .map(({ attribs }) => attribs.href)
  assert.equal(found, [PATH, '/users/header/', '/members/'])
  assert.is((await site.visitor().open('/')).$(`a[href="${PATH}"]`).length, 0)
})

test('it works under a prefix', async () => {
  const mounted = await Site.start({ prefix: '/members' })
  const page = await mounted.visitor().open('/members/account/')
  assert.is(page.headers.location, '/members/login/?next=%2Fmembers%2Faccount%2F')
  await mounted.close()
})

test.run()
