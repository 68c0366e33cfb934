import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Admin, adminOf } from '../../support/admin.js'
import { type Page, Site, type Visitor } from '../../support/helpers.js'
import { Host } from '../../support/host.js'
import { reopen, settled } from '../../support/second-step.js'

const test = suite('admin')
let site: Site
let admin: Admin

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '1000/1h', LIMIT_MAIL_NETWORK: '1000/1h' } })
  admin = await adminOf(site, 'Anna')
})
test.after(() => site.close())

/** What differs between any two responses: the path, the nonce of a form, the id of the request and the time. */
function seen({ status, text, headers }: Page, path: string): object {
  const { 'x-request-id': _, date: __, etag: ___, 'set-cookie': ____, ...others } = headers
  return { status, text: text.replaceAll(path, '/…/'), headers: { ...others, 'content-length': undefined } }
}

for (const [who, visit] of [
  ['a stranger', async () => site.visitor()],
  ['a user without the role', () => settled(site, 'Bert')],
] as const) {
  test(`for ${who} the pages do not exist`, async () => {
    const visitor: Visitor = await visit()
    for (const path of [
      '/admin/',
      '/admin/users/',
      '/admin/users/x/',
      '/admin',
      '/admin/users',
      '/admin/x/',
    ]) {
      const unknown = path.replace('admin', 'nimda')
      assert.equal(seen(await visitor.open(path), path), seen(await visitor.open(unknown), unknown), path)
      const [one, other] = [await visitor.post(path, 'q=x'), await visitor.post(unknown, 'q=x')]
      assert.equal(seen(one, path), seen(other, unknown), path)
    }
    assert.not.match((await visitor.open('/')).text, 'href="/admin/"')
  })
}

test('are linked for an admin, and refused at the request after the role was taken away', async () => {
  const { visitor } = admin
  assert.match((await visitor.open('/')).text, 'href="/admin/"')
  assert.is((await visitor.open('/admin/')).status, 200)
  assert.is((await visitor.open('/admin/users')).headers.location, '/admin/users/')
  await site.write("update users set roles = 'editor' where name = 'Anna'")
  assert.is((await visitor.open('/admin/')).status, 404)
  await site.write("update users set roles = 'admin' where name = 'Anna'")
})

test('the overview counts users by state', async () => {
  const page = await admin.visitor.open('/admin/')
  assert.is(page.$('dd a[href="/admin/users/?state=open"]').text(), '2')
  assert.is(page.$('dd a[href="/admin/users/?state=unconfirmed"]').text(), '0')
})

test('the overview shows today and 30 days as bars and as a table, in the reader’s language', async () => {
  await site.write(
    "insert into days (id, day, kind, count) values ('a', '2025-12-03', 'mail_failed', 1234), ('b', '2025-12-02', 'mail_failed', 9), ('c', '2025-12-31', 'mail_failed', 617)",
  )
  const page = await admin.visitor.open('/admin/')
  const chart = page.$('.charts section').last()
  assert.is(chart.find('h3').text(), 'Failed emails')
  assert.is(chart.find('p').first().text(), 'Today: 0 · 30 days: 1,851')
  assert.is(chart.find('svg[role=img] > title').text(), 'Failed emails · at most 1,234 on one day')
  const bars = chart.find('rect').toArray()
  assert.equal(
    bars.map(({ attribs }) => attribs.height).filter((height) => height !== '0'),
    ['100', '50'],
  )
  assert.is(bars.length, 30)
  const rows = chart.find('details tbody tr').toArray()
  assert.equal(
    [rows[0], rows[1], rows[29]].map((row) => page.$(row).text()),
    ['January 1, 20260', 'December 31, 2025617', 'December 3, 20251,234'],
  )
  assert.is(page.$('[style]').length, 0)
  const russian = await admin.visitor.open('/admin/', { 'Accept-Language': 'ru' })
  assert.match(russian.$('.charts').text(), /Сегодня: 0 · 30 дней: 1\s851/)
  assert.match(russian.$('.charts').text(), '3 декабря 2025')
})

test('ask for the password and a code again after 10 minutes', async () => {
  const { visitor, secret } = admin
  site.clock.advance(11 * 60_000)
  assert.match((await visitor.open('/admin/users/')).headers.location ?? '', /^\/password\/confirm\/\?next=/)
  const page = await reopen(site, visitor, '/admin/users/', secret)
  assert.is(page.$('h1').text(), 'Users')
})

test('lead an admin without two-step verification to its setup', async () => {
  const visitor = await settled(site, 'Cora')
  await site.write("update users set roles = 'admin' where name = 'Cora'")
  assert.is((await visitor.open('/admin/')).headers.location, '/account/two-step/')
  assert.match((await visitor.open('/account/two-step/')).messages().join(), 'Admin pages need two-step')
})

test('leave paths below /admin/ to the app for everyone else, and for all if switched off', async () => {
  for (const features of [{}, { admin: false }]) {
    const host = await Host.start({
      mail: 'off',
      features,
      routes(router) {
        router.get('/members/admin/', (ctx) => {
          ctx.body = 'of the app'
        })
      },
    })
    const visitor = await host.settle('Anna')
    assert.is((await visitor.open('/members/admin/')).text, 'of the app')
    const { id = '' } = (await host.gatehouse.accounts.byName('Anna')) ?? {}
    await host.gatehouse.accounts.addRole(id, 'admin')
    const isOff = 'admin' in features
    assert.is((await visitor.open('/members/admin/')).text === 'of the app', isOff)
    await host.close()
  }
})

test.run()
