import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Mail, PASSWORD, Site, type Visitor } from '../support/helpers.js'

const test = suite('emails to an unconfirmed address')

const NAME = 'win-1btc.com'
const RENAMED = 'get-1btc.com'
const AGENT = 'FreeMoney/1.0 (visit win-1btc.com)'
const ADDRESS = 'stranger@example.com'

let site: Site
test.before.each(async () => {
  site = await Site.start({ environment: { RATE_LIMITS: 'on', LIMIT_LOGIN_ACCOUNT: '3/1h' } })
})
test.after.each(() => site.close())

function visitorCalled(agent: string): Visitor {
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', agent)
  return visitor
}

async function settled(): Promise<Visitor> {
  const visitor = visitorCalled(AGENT)
  await visitor.signUp(NAME, { email: ADDRESS })
  await visitor.logIn(NAME)
  return visitor
}

async function confirm(): Promise<void> {
  await site.write(`update users set email_confirmed_at = 1 where email = '${ADDRESS}'`)
}

async function sendFrom(visitor: Visitor, path: string, typed: Record<string, string> = {}): Promise<void> {
  const page = await visitor.send(await visitor.open(path), typed)
  assert.ok([200, 303].includes(page.status), `${path} ${page.status} ${page.messages().join()}`)
}

/** Triggers every kind of email. */
async function doEverything(visitor: Visitor): Promise<void> {
  await visitorCalled(AGENT).logIn(NAME)
  await sendFrom(visitor, '/password/forgot/', { username: ADDRESS })
  await sendFrom(visitor, '/account/name/', { username: RENAMED })
  await sendFrom(visitor, '/account/password/', {
    current: PASSWORD,
    password: 'another horse 43',
    repassword: 'another horse 43',
  })
  for (let count = 0; count < 4; count++) await visitorCalled(AGENT).logIn(RENAMED, { password: 'wrong' })
  await sendFrom(visitor, '/account/email/', { email: 'next@example.com' })
  await site.mails('next@example.com')
  await sendFrom(visitor, '/account/close/')
}

const KINDS = [
  /Confirm your email address/,
  /New login to your/,
  /Reset your \S+ password/,
  /username was changed/,
  /password was changed/,
]
const CHOSEN = /1btc|FreeMoney/i

function wordsOf({ subject, text }: Mail): string {
  return `${subject}\n${text}`
}

test('never contain a username or browser that a visitor chose', async () => {
  await doEverything(await settled())
  const mails = [...(await site.mails(ADDRESS, 7)), ...(await site.mails('next@example.com'))]
  for (const subject of [...KINDS, /Many failed logins/, /is closed/, /Confirm your new email address/]) {
    assert.ok(
      mails.some((mail) => subject.test(mail.subject)),
      `${subject} of ${mails.map((mail) => mail.subject).join()}`,
    )
  }
  for (const words of [...mails.map(wordsOf), ...mails.map(({ html }) => html)]) {
    assert.not.match(words, CHOSEN)
  }
})

test('never contain the username after a correction, either', async () => {
  const own = await Site.start({ environment: { PRIVATE_EMAILS: 'false', EMAIL_CONFIRMATION: 'optional' } })
  await own.visitor().signUp('Anna', { email: 'anna@example.com' })
  await own.write("update users set email_confirmed_at = 1 where name = 'Anna'")
  const visitor = own.visitor()
  await visitor.signUp(NAME, { email: ADDRESS })
  await visitor.logIn(NAME)
  await own.emptyMailbox()
  await visitor.send(await visitor.open('/email/confirm/address/'), { email: 'other@example.com' })
  const [mail] = await own.mails('other@example.com')
  assert.ok(mail)
  assert.not.match(wordsOf(mail), CHOSEN)
  await own.close()
})

test('contain the username only once the address is confirmed', async () => {
  const visitor = await settled()
  await confirm()
  await site.emptyMailbox()
  await doEverything(visitor)
  for (const mail of await site.mails(ADDRESS, 6)) {
    assert.match(mail.text, /^Hi [wg][ie][nt]-1btc\.com,$/m)
  }
})

test.run()
