import { randomBytes } from 'node:crypto'
import Koa from 'koa'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sealedSession } from '../../src/index.js'
import { PASSWORD, Site, Visitor } from '../support/helpers.js'

const test = suite('two sites on one host')

/** Starts a site with its own keys, as every site has. */
function startSite(environment: Record<string, string> = {}): Promise<Site> {
  return Site.start({ environment: { SESSION_KEYS: randomBytes(32).toString('base64url'), ...environment } })
}

/** Opens another site in the same browser, which sends a host's cookies to all its ports. */
function sameBrowser({ agent }: Visitor, site: Site): Visitor {
  const visitor = site.visitor()
  visitor.agent.jar = agent.jar
  return visitor
}

function cookiesIn({ agent }: Visitor): Record<string, string> {
  const cookies = agent.jar.getCookies({ domain: '127.0.0.1', path: '/', secure: false, script: false })
  return Object.fromEntries(cookies.map(({ name, value }) => [name, value]))
}

const isAt = async (visitor: Visitor) => /Log out/.test((await visitor.open('/')).$('nav').text())

/** Public pages that store nothing. */
const PAGES = [
  '/',
  '/login/',
  '/signup/',
  '/password/forgot/',
  '/users/nobody/',
  '/nowhere/',
  '/login/verify/',
]
const GUARDED = [
  '/account/',
  '/members/',
  '/logout/',
  '/account/name/',
  '/password/reset/',
  '/email/confirm/',
]

/** Gives the browser every cookie that a site can set. The last notice has not been shown yet. */
async function useAll(visitor: Visitor, name: string): Promise<void> {
  await visitor.settle(name)
  await visitor.open('/?lang=en')
  await visitor.send(await visitor.open('/members/recent/'), { note: `of ${name}` })
  await visitor.open('/')
  await visitor.send(await visitor.open('/account/name/'), { username: `${name} B` })
}

test('different cookie names: sites do not affect each other’s logins', async () => {
  const [shop, forum] = await Promise.all([
    startSite({ COOKIE_NAME: 'shop' }),
    startSite({ COOKIE_NAME: 'forum' }),
  ])
  const buyer = shop.visitor()
  const writer = sameBrowser(buyer, forum)
  await useAll(buyer, 'Anna')
  const ofShop = cookiesIn(buyer)
  assert.equal(
    Object.keys(ofShop).sort(),
    ['shop', 'shop-device', 'shop-language', 'shop-notes', 'shop-notice'],
    'all names begin with COOKIE_NAME',
  )
  await useAll(writer, 'Vera')
  for (const path of [...PAGES, ...GUARDED]) await writer.open(path)
  for (const [name, value] of Object.entries(ofShop)) assert.is(cookiesIn(buyer)[name], value, name)
  assert.match((await buyer.open('/account/name/')).messages().join(), 'Anna B')
  assert.is((await buyer.open('/members/recent/')).value('note'), 'of Anna')
  assert.ok(await isAt(writer))

  await writer.send(await writer.open('/logout/'))
  assert.not.ok(await isAt(writer))
  assert.ok(await isAt(buyer))
  assert.is((await buyer.send(await buyer.open('/account/name/'), { username: 'Anna C' })).status, 303)
  await writer.logIn('Vera B')
  await buyer.send(await buyer.open('/logout/'))
  assert.not.ok(await isAt(buyer))
  assert.ok(await isAt(writer))
  await Promise.all([shop.close(), forum.close()])
})

test('same cookie name: page views keep the other site’s cookies', async () => {
  const [one, other] = await Promise.all([startSite(), startSite()])
  const user = one.visitor()
  const visitor = sameBrowser(user, other)
  await useAll(user, 'Anna')
  const before = cookiesIn(user)
  assert.ok(Object.keys(before).length > 4)
  for (const path of [...PAGES, ...GUARDED]) {
    assert.ok((await visitor.open(path)).status < 500)
    for (const [name, value] of Object.entries(before))
      assert.is(cookiesIn(user)[name], value, `${name} after ${path}`)
  }
  assert.match((await user.open('/account/name/')).messages().join(), 'Anna B')
  assert.is((await user.open('/members/recent/')).value('note'), 'of Anna')
  assert.ok(await isAt(user))
  await Promise.all([one.close(), other.close()])
})

test('same cookie name: forms opened at three sites all work', async () => {
  const sites = await Promise.all([startSite(), startSite(), startSite()])
  const browser = new Visitor('http://127.0.0.1')
  const open = []
  for (const site of sites) {
    const visitor = sameBrowser(browser, site)
    open.push({ visitor, form: await visitor.open('/signup/') })
  }
  for (const { visitor } of open) for (const path of PAGES) await visitor.open(path)
  const typed = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
  for (const [at, { visitor, form }] of open.entries())
    assert.is((await visitor.send(form, typed)).status, 303, `site ${at}`)
  await Promise.all(sites.map((site) => site.close()))
})

test('same cookie name: a login replaces the one at the other site', async () => {
  const [one, other] = await Promise.all([startSite(), startSite()])
  const first = one.visitor()
  const second = sameBrowser(first, other)
  await first.settle('Anna')
  await second.settle('Vera')
  assert.not.ok(await isAt(first))
  assert.ok(await isAt(second), 'reading another site’s login does not end it')
  await first.logIn('Anna')
  assert.ok(await isAt(first))
  assert.not.ok(await isAt(second))
  await Promise.all([one.close(), other.close()])
})

test('over https, cookie names have the __Host- prefix', async () => {
  const site = await startSite({ COOKIE_NAME: 'shop', BASE_URL: 'https://shop.example' })
  assert.match((await site.visitor().open('/login/')).cookies.join(), /^__Host-shop-csrf=[\w-]+; path=\/;/)
  await site.close()
})

test('sealedSession refuses an invalid cookie name', () => {
  for (const name of ['', 'my shop', 'shop;', '__Host-shop', 'a'.repeat(41)]) {
    assert.throws(
      () => sealedSession(new Koa(), { keys: ['A'.repeat(43)], https: false, name }),
      'The name of a sealedSession must be 1 to 40 letters, digits, - or _, without __ in front.',
    )
  }
})

test.run()
