import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../../src/base/durations.js'
import { Site, type Visitor } from '../support/helpers.js'

const test = suite('confirmationGrace')
let site: Site

test.before.each(async () => {
  site = await Site.start({ environment: { EMAIL_CONFIRMATION: 'required', CONFIRMATION_GRACE: '7d' } })
})
test.after.each(() => site.close())

async function confirm(visitor: Visitor, code: string): Promise<void> {
  await visitor.send(await visitor.open('/email/confirm/'), { code })
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'a plain browser'}: login, account and email say when confirmation will be required`, async () => {
    const visitor = site.visitor({ htmx })
    await visitor.signUp('Anna')
    const mail = await site.mail('Anna@example.com')
    const day = new Date(site.clock.time + 7 * DAY).getUTCDate()
    const until = new RegExp(
      `From [A-Z]\\w+ ${day}, \\d{4} at .+ UTC on you can only log in with a confirmed`,
    )
    assert.match(mail.text, until)
    assert.match(mail.html, until)
    const login = await visitor.logIn('Anna')
    const page = htmx ? login : await visitor.open(login.headers.location ?? '')
    assert.match(page.text, 'You will need a confirmed email address here in 7 days.')
    assert.match(page.text, 'href="/email/confirm/"')
    assert.match((await visitor.open('/account/')).text, /From .+ on you need it to log in\./)
  })
}

test('afterwards logins and open sessions lead to the confirmation, and then work again', async () => {
  const visitor = await site.visitor().settle('Anna')
  const { code } = await site.mail('Anna@example.com')
  site.clock.advance(7 * DAY - HOUR)
  await visitor.logIn('Anna')
  assert.is((await visitor.open('/members/')).status, 200)
  const form = await visitor.open('/account/name/')
  site.clock.advance(HOUR)
  assert.is((await visitor.open('/members/')).headers.location, '/email/confirm/')
  assert.is((await visitor.open('/account/')).headers.location, '/email/confirm/')
  const refused = await visitor.send(form, { username: 'Hanna' })
  assert.is(refused.status, 403)
  assert.match(refused.text, 'Confirm your email address first. Nothing has been changed yet.')
  assert.not.match((await visitor.open('/account/export/')).headers.location ?? '', '/email/confirm/')
  assert.is((await visitor.open('/logout/')).status, 200)
  const other = site.visitor()
  assert.match((await other.logIn('Anna')).messages().join(), 'your email address is not confirmed yet')
  assert.is((await other.open('/members/')).status, 303)
  assert.type(code, 'string')
  const page = await visitor.open('/email/confirm/')
  await site.emptyMailbox()
  await visitor.send(page, {}, '/email/confirm/send/')
  const again = await site.mail('Anna@example.com')
  assert.not.match(again.text, 'you can only log in')
  await confirm(visitor, again.code)
  assert.is((await visitor.open('/members/')).status, 200)
  assert.is((await other.logIn('Anna')).status, 303)
})

test('an account that is never confirmed is not deleted', async () => {
  await site.visitor().settle('Anna')
  assert.equal(await site.rows('select confirm_by from users'), [{ confirm_by: null }])
})

test('is refused without required confirmation, and with private emails', async () => {
  const refused = async (environment: Record<string, string>, sentence: RegExp) => {
    try {
      await (await Site.start({ environment: { CONFIRMATION_GRACE: '7d', ...environment } })).close()
    } catch (error) {
      return assert.match(String(error), sentence)
    }
    assert.unreachable()
  }
  await refused({}, /EMAIL_CONFIRMATION must be required with CONFIRMATION_GRACE/)
  const hidden = { EMAIL_CONFIRMATION: 'required', PRIVATE_EMAILS: 'true' }
  await refused(hidden, /CONFIRMATION_GRACE cannot be set with PRIVATE_EMAILS=true/)
})

test.run()
