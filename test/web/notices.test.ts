import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR } from '../../src/base/durations.js'
import { type Mail, Site } from '../support/helpers.js'

const test = suite('security emails')
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

async function notices(email: string, count = 1): Promise<Mail[]> {
  return site.mails(email, count)
}

test('a login on a new device is emailed, and one on a known device is not', async () => {
  const owner = site.visitor()
  await owner.signUp('Anna')
  // Emails to an unconfirmed address leave out the device.
  await site.write("update users set email_confirmed_at = 1 where name = 'Anna'")
  await site.emptyMailbox()
  await owner.logIn('Anna')
  await owner.send(await owner.open('/logout/'))
  await owner.logIn('Anna')
  const other = site.visitor()
  const page = await other.open('/login/')
  other.agent.set('User-Agent', IPHONE)
  await other.send(page, { username: 'Anna', password: 'correct horse 42' })
  const mail = await site.mail('Anna@example.com')
  assert.match(mail.subject, 'New login to your')
  assert.match(mail.text, 'Safari on iPhone')
  assert.match(mail.text, '127.0.0.1')
  assert.is(mail.link, '/account/devices/')
})

test('many failed logins are emailed once a day', async () => {
  await site.visitor().signUp('Bela')
  await site.emptyMailbox()
  const guess = async () => {
    for (let count = 0; count < 6; count++) await site.visitor().logIn('Bela', { password: 'wrong' })
  }
  await guess()
  const mail = await site.mail('Bela@example.com')
  assert.match(mail.subject, 'Many failed logins')
  assert.is(mail.link, '/account/activity/')
  site.clock.advance(HOUR)
  await guess()
  await site.allSent()
  assert.is((await notices('Bela@example.com')).length, 1)
  site.clock.advance(DAY)
  await guess()
  assert.is((await notices('Bela@example.com', 2)).length, 2)
})

test('logins on many new devices send 5 emails at most', async () => {
  await site.visitor().signUp('Clara')
  await site.emptyMailbox()
  for (let count = 0; count < 8; count++) await site.visitor().logIn('Clara')
  await site.allSent()
  assert.is((await notices('Clara@example.com', 5)).length, 5)
})

test('an email never quotes what a stranger wrote into the User-Agent', async () => {
  await site.visitor().signUp('Dora')
  await site.emptyMailbox()
  for (const agent of ['Log in at http://evil.example/ now/1 ', 'evil.example/1.0 (x)']) {
    const stranger = site.visitor()
    stranger.agent.set('User-Agent', agent)
    await stranger.logIn('Dora')
  }
  for (const mail of await site.mails('Dora@example.com', 2)) {
    assert.not.match(mail.text, 'evil')
  }
})

test.run()
