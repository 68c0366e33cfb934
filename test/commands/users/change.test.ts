import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { assertDone, assertRefused, callGatehouse, type Outcome } from '../../support/calling.js'
import { migratedDatabase, Site } from '../../support/helpers.js'
import { codeAt, halfway, settled, turnOn } from '../../support/second-step.js'

const test = suite('gatehouse users email, rename, confirm, resend, unlock')
let database: string
let site: Site

test.before.each(async () => {
  database = await migratedDatabase()
  site = await Site.start({ database })
  // The commands use the machine's clock.
  site.clock.time = Date.now()
})
test.after.each(() => site.close())

function call(...args: string[]): Promise<Outcome> {
  return callGatehouse(['users', ...args], { database })
}

async function done(...args: string[]): Promise<string> {
  const outcome = await call(...args)
  assertDone(outcome)
  return outcome.stdout
}

/** Emails of commands are due at the machine's time. */
async function mailTo(address: string) {
  site.clock.time = Date.now() + 1000
  const [mail] = await site.mails(address, 1)
  if (mail === undefined) throw new Error(`No email to ${address}.`)
  return mail
}

function events(kind: string): Promise<unknown[]> {
  return site.rows(`select about, actor from events where kind = '${kind}'`)
}

test('email sends a link, and the address changes once it is opened', async () => {
  const visitor = await site.visitor().settle('Anna')
  await site.emptyMailbox()
  const said = await done('email', 'anna', 'New@example.com')
  assert.is(
    said,
    'An email is on its way to New@example.com. It becomes the address of Anna once its link is opened.\n',
  )
  assert.equal(await site.rows('select email, next_email from users'), [
    { email: 'Anna@example.com', next_email: 'New@example.com' },
  ])
  const mail = await mailTo('New@example.com')
  await visitor.send(await visitor.follow(mail))
  assert.equal(await site.rows('select email, next_email from users'), [
    { email: 'New@example.com', next_email: null },
  ])
  assert.equal(await events('email_asked'), [{ about: 'New@example.com', actor: 'cli:users email' }])
})

test('email --confirmed changes it immediately, and the previous mailbox can undo it', async () => {
  await site.visitor().settle('Anna')
  await site.visitor().settle('Bela')
  await site.write("update users set email_confirmed_at = 1 where name = 'Anna'")
  await site.emptyMailbox()
  const said = await done('email', 'anna', 'new@example.com', '--confirmed')
  assert.is(said, 'Changed the email address of Anna to new@example.com.\n')
  const [user] = await site.rows<Record<string, unknown>>(
    "select email, email_key, email_confirmed_at from users where name = 'Anna'",
  )
  assert.is(user?.email, 'new@example.com')
  assert.is(user?.email_key, 'new@example.com')
  assert.ok(Number(user?.email_confirmed_at) > 1)
  const undo = await mailTo('Anna@example.com')
  assert.match(undo.text, 'By the people who run this site')
  assert.equal(await events('email_changed'), [
    { about: 'Anna@example.com → new@example.com', actor: 'cli:users email' },
  ])
  assertRefused(
    await call('email', 'anna', 'bela@example.com', '--confirmed'),
    1,
    /^There is already an account/,
  )
  assertRefused(await call('email', 'anna', 'x'), 1, /^Enter an email address like/)
  assertRefused(await call('email', 'anna'), 2, /^Missing user or <address>\. Usage: gatehouse users email </)
})

test('rename follows the rules of usernames, and emails the user', async () => {
  await site.visitor().settle('Anna')
  await site.visitor().settle('Bela')
  await site.emptyMailbox()
  assert.is(await done('rename', 'Anna@example.com', 'Annika'), 'Renamed Anna to Annika.\n')
  const mail = await mailTo('Anna@example.com')
  assert.match(mail.text, 'By the people who run this site')
  assert.equal(await events('name_changed'), [{ about: 'Anna → Annika', actor: 'cli:users rename' }])
  assert.is((await site.visitor().logIn('Annika')).headers.location, '/')
  assertRefused(await call('rename', 'annika', 'bela'), 1, /^This username is already taken\./)
})

test('confirm treats the address as confirmed, and resend sends the link again', async () => {
  await site.visitor().settle('Anna')
  await site.emptyMailbox()
  assert.is(
    await done('resend', 'anna'),
    'An email to confirm the address is on its way to Anna@example.com.\n',
  )
  const mail = await mailTo('Anna@example.com')
  assert.match(mail.text, '/email/confirm/')
  assert.is(await done('confirm', 'anna'), 'Confirmed Anna@example.com, the email address of Anna.\n')
  assert.equal(await events('email_confirmed'), [{ about: null, actor: 'cli:users confirm' }])
  assertRefused(await call('confirm', 'anna'), 1, /^Anna@example\.com is already confirmed\./)
  assertRefused(await call('resend', 'anna'), 1, /^Anna@example\.com is already confirmed\./)
})

test('unlock forgets wrong passwords and wrong codes, and the activity says why', async () => {
  const SESSION_KEYS = 'A'.repeat(43)
  const environment = { LIMIT_SECOND_ROW: '3/30d', SESSION_KEYS }
  // Leaves the emails to the other site.
  site.clock.time = 0
  const held = await Site.start({ database, environment })
  const { secret } = await turnOn(held, await settled(held, 'Anna'))
  const stranger = held.visitor()
  const form = await halfway(stranger, 'Anna')
  const statuses = []
  for (let guess = 0; guess < 4; guess++) {
    statuses.push((await stranger.send(form, { code: '000000' })).status)
  }
  assert.equal(statuses, [406, 406, 406, 429])
  // Makes the site's counts valid at the command's time.
  await held.write(`update limits set resets_at = ${Date.now() + 86_400_000}`)
  const unlocked = await callGatehouse(['users', 'unlock', 'anna', '--reason', 'Asked by phone'], {
    database,
    settings: { SESSION_KEYS },
  })
  assert.is(unlocked.stdout, 'Unlocked Anna.\n', unlocked.stderr)
  held.clock.advance(60_000)
  const right = await stranger.send(form, { code: codeAt(secret, held.clock.time) })
  assert.is(right.headers.location, '/')
  const activity = (await stranger.open('/account/activity/')).text
  assert.match(activity, 'Failed attempts forgotten by the site')
  assert.match(activity, 'Asked by phone')
  assert.equal(await events('account_unlocked'), [{ about: 'Asked by phone', actor: 'cli:users unlock' }])
  await held.close()
})

test.run()
