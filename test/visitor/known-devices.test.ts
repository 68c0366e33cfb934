import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { PASSWORD, type Page, Site, type Visitor } from '../support/helpers.js'
import { codeAt, halfway, type SecondStep, settled, turnOn } from '../support/second-step.js'

const test = suite('known devices')
const WIDE = { LIMIT_LOGIN_NAME: '1000/1h', LIMIT_LOGIN_ACCOUNT: '1000/1h', LIMIT_LOGIN_NETWORK: '1000/1h' }
const NEW = 'another horse 43'
let site: Site
let owner: Visitor
let anna: SecondStep

test.before.each(async () => {
  site = await Site.start({ environment: WIDE })
  owner = await settled(site, 'Anna')
  anna = await turnOn(site, owner)
  await site.emptyMailbox()
})
test.after.each(() => site.close())

const code = () => codeAt(anna.secret, site.clock.time)

/** Logs in with the new password, up to the code. */
async function halfwayAgain(visitor: Visitor): Promise<Page> {
  await visitor.logIn('Anna', { password: NEW })
  return visitor.open('/login/two-step/')
}

async function guess(visitor: Visitor, page: Page, times: number): Promise<number[]> {
  const statuses = []
  for (let time = 0; time < times; time++) {
    statuses.push((await visitor.send(page, { code: '000000' })).status)
  }
  return statuses
}

test('a password reset ends a known device’s own attempts at codes', async () => {
  await owner.send(await owner.open('/logout/'))
  await owner.send(await owner.open('/password/forgot/'), { username: 'Anna' })
  const reset = await owner.follow(await site.mailThat('Anna@example.com', (one) => one.code !== ''))
  await owner.send(reset, { password: NEW, repassword: NEW })
  assert.equal(await guess(owner, await halfwayAgain(owner), 11), [...Array(10).fill(406), 429])
})

test('a password change keeps a known device’s own attempts at codes', async () => {
  const page = await owner.open('/account/password/')
  await owner.send(page, { current: PASSWORD, password: NEW, repassword: NEW })
  await owner.send(await owner.open('/logout/'))
  const thief = site.visitor()
  assert.is((await guess(thief, await halfwayAgain(thief), 11)).at(-1), 429)
  assert.is((await owner.send(await halfwayAgain(owner), { code: code() })).status, 303)
})

test('a trusted device that was logged out in the list needs a code every time', async () => {
  const browser = site.visitor()
  await browser.send(await halfway(browser, 'Anna'), { code: code(), trust: 'on' })
  const [session] = await site.rows<{ id: string }>("select id from sessions where methods like '%app%'")
  await owner.send(await owner.open('/account/devices/'), {}, `/account/devices/${session?.id}/revoke/`)
  for (let time = 0; time < 2; time++) {
    site.clock.advance(MINUTE)
    const login = await browser.logIn('Anna')
    assert.is(login.headers.location, '/login/two-step/')
    const response = await browser.send(await browser.open('/login/two-step/'), { code: code() })
    assert.is(response.headers.location, '/')
    await browser.send(await browser.open('/logout/'))
  }
})

test.run()
