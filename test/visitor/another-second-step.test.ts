import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { codeAt, halfway, keyOn, reopen, settled, turnOn } from '../support/second-step.js'

const test = suite('a two-step verification page opened for another account')
let site: Site

test.before(async () => {
  site = await Site.start({
    environment: { LIMIT_MAIL_NETWORK: '1000/1h', LIMIT_SIGNUP_NETWORK: '1000/1h' },
  })
})
test.after(() => site.close())

let made = 0

interface User {
  name: string
  secret: string
}

async function user(visitor?: Visitor): Promise<User> {
  const name = `User${++made}`
  const settledUser = await settled(site, name)
  if (visitor !== undefined) visitor.agent.jar = settledUser.agent.jar
  const { secret } = await turnOn(site, settledUser)
  return { name, secret }
}

/** Logs out and logs in as another user, as in another tab. */
async function switchTo(browser: Visitor, { name, secret }: User): Promise<void> {
  await browser.send(await browser.open('/logout/'))
  const page = await halfway(browser, name)
  await browser.send(page, { code: codeAt(secret, site.clock.time) })
  assert.match((await browser.open('/account/')).text, name)
}

async function stateOf(name: string): Promise<unknown> {
  const [found] = await site.rows<{ id: string }>('select * from users where name = ?', name)
  assert.ok(found)
  const apps = await site.rows('select secret from authenticator_apps where user_id = ?', found.id)
  const codes = await site.rows('select tag from recovery_codes where user_id = ? order by tag', found.id)
  return { found, apps, codes }
}

const FORMS: Record<
  string,
  { page: string; typed?: (page: Page) => Record<string, string>; action?: string }
> = {
  'a new app': {
    page: '/account/authenticator/',
    typed: (page) => ({ code: codeAt(keyOn(page), site.clock.time) }),
  },
  'turning it off': { page: '/account/two-step/', action: '/account/two-step/off/' },
  'new recovery codes': { page: '/account/recovery-codes/', action: '/account/recovery-codes/' },
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  for (const [what, { page: path, typed, action }] of Object.entries(FORMS)) {
    test(`${kind}: ${what} is refused, naming the current user`, async () => {
      const browser = site.visitor({ htmx })
      const first = await user(browser)
      const second = await user()
      site.clock.advance(11 * MINUTE)
      await reopen(site, browser, '/account/recovery-codes/', first.secret)
      const page = await browser.open(path)
      site.clock.advance(MINUTE)
      await switchTo(browser, second)
      const before = await stateOf(second.name)
      const refused = await browser.send(page, typed?.(page), action)
      assert.is(refused.status, 403)
      assert.match(refused.messages()[0] ?? '', second.name)
      assert.equal(await stateOf(second.name), before)
    })
  }

  test(`${kind}: downloading recovery codes is refused`, async () => {
    const browser = site.visitor({ htmx })
    await user(browser)
    const second = await user()
    const page = await browser.open('/account/recovery-codes/')
    await switchTo(browser, second)
    const refused = await browser.send(page, {}, '/account/recovery-codes/file/')
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', second.name)
  })

  test(`${kind}: the code of another half login is refused, and stays unused`, async () => {
    const [first, second] = [await user(), await user()]
    const browser = site.visitor({ htmx })
    const page = await halfway(browser, first.name)
    await halfway(browser, second.name)
    const refused = await browser.send(page, { code: codeAt(first.secret, site.clock.time) })
    assert.is(refused.status, 403)
    assert.match(refused.messages()[0] ?? '', second.name)
    const again = await browser.send(await browser.open('/login/two-step/'), {
      code: codeAt(second.secret, site.clock.time),
    })
    assert.ok(again.sessionCookie)
  })

  test(`${kind}: confirming a password or a code is refused`, async () => {
    const browser = site.visitor({ htmx })
    await user(browser)
    const second = await user()
    site.clock.advance(11 * MINUTE)
    const asking = await browser.open('/password/confirm/?next=%2Faccount%2Fclose%2F')
    const code = await reopen(site, browser, '/account/close/')
    await switchTo(browser, second)
    const typed = { code: codeAt(second.secret, site.clock.time), password: PASSWORD }
    for (const page of [asking, code]) {
      const refused = await browser.send(page, typed)
      assert.is(refused.status, 403)
      assert.match(refused.messages()[0] ?? '', second.name)
    }
  })
}

test.run()
