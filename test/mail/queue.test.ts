import { tmpdir } from 'node:os'
import * as assert from 'uvu/assert'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/durations.js'
import { DeliveryError, type OutgoingMail } from '../../src/mail/transport.js'
import { freshDatabase, lock, rows, settingsFor } from '../support/databases.js'
import {
  BASE_URL,
  type Context,
  codesIn,
  deliverySuite,
  inState,
  linksIn,
  notices,
  only,
  post,
  type Row,
  start,
  stored,
  tried,
  userOf,
} from '../support/delivery.js'
import { type Site, until, Visitor } from '../support/helpers.js'
import { type MailServerOptions, TestMailServer } from '../support/mail-server.js'
import { addressOf, launchSite } from '../support/program.js'

const test = deliverySuite('the queue')

/** Starts a site with another mail server. */
async function startWith(
  context: Context,
  options: MailServerOptions,
  url?: { password?: string; isTrusted?: boolean },
) {
  await context.server.stop()
  context.server = await TestMailServer.start(options)
  return start(context, { environment: { SMTP_URL: context.server.url(url) } })
}

async function startAgain(context: Context, site: Site): Promise<Site> {
  await site.close()
  context.sites.splice(context.sites.indexOf(site), 1)
  const next = await start(context, { database: site.database })
  next.clock.time = site.clock.time
  return next
}

/** Moves the clock, and waits until all emails were tried once more. */
async function retried(site: Site, later: number): Promise<void> {
  await site.write("update mails set problem = ''")
  site.clock.advance(later)
  await tried(site)
}

test('an app sends emails with its own function, and failed emails are tried again', async (context) => {
  const sent: OutgoingMail[] = []
  const problems = [new Error('No way to anna@example.com.'), new DeliveryError('unreachable', 'It is away.')]
  const mail = {
    async send(one: OutgoingMail) {
      const problem = problems.shift()
      if (problem !== undefined) throw problem
      sent.push(one)
    },
  }
  const site = await start(context, { mail })
  await site.visitor().signUp('Anna', { email: 'anna@example.com' })
  await tried(site)
  assert.is((await only(site)).problem, 'No way to …')
  assert.is(context.server.received.length, 0)
  await retried(site, 15 * SECOND)
  assert.is((await only(site)).due_at, site.clock.time + 2 * SECOND)
  site.clock.advance(2 * SECOND)
  await inState(site, 'sent')
  const [first, ...others] = sent
  assert.equal(others, [])
  assert.is(first?.to, 'anna@example.com')
  assert.is(first?.messageId, `${(await only(site)).id}@accounts.example.com`)
  assert.ok(linksIn(first?.text ?? '')[0]?.startsWith(`${BASE_URL}/email/confirm/link/`))
  assert.equal(linksIn(first?.html ?? ''), linksIn(first?.text ?? ''))
})

test('no page waits for the mail server, even when it hangs', async (context) => {
  const site = await start(context)
  context.server.hang()
  await site.visitor().signUp('Anna')
  await until(() => context.server.holding === 1, 'the server has the email')
  assert.is((await site.visitor().signUp('Bela')).status, 303)
  assert.is((await site.visitor().open('/login/')).status, 200)
  context.server.release()
  await context.server.mails(2)
  await inState(site, 'sent', 2)
})

test('an email refused for now is tried again with the same id and link', async (context) => {
  const site = await start(context)
  context.server.refuse('Anna@example.com', 451, 2)
  await site.visitor().signUp('Anna')
  await tried(site)
  const first = await only(site)
  assert.is(first.state, 'waiting')
  assert.is(first.due_at, site.clock.time + 15 * SECOND, 'not immediately')
  await retried(site, 15 * SECOND)
  assert.is((await only(site)).prepared, first.prepared, 'the token is the same')
  site.clock.advance(MINUTE)
  const [received] = await context.server.mails(1)
  await inState(site, 'sent')
  assert.is(received?.mail.messageId, `<${first.id}@accounts.example.com>`)
  assert.is(context.server.asked.length, 3)
  assert.is((await site.rows('select * from tokens')).length, 1)
})

test('an email refused for good is tried twice, fails and is logged', async (context) => {
  const site = await start(context)
  context.server.refuse('Anna@example.com', 550)
  await site.visitor().signUp('Anna')
  await tried(site)
  assert.is((await only(site)).state, 'waiting')
  site.clock.advance(MINUTE)
  await inState(site, 'failed')
  const failed = await only(site)
  assert.is(failed.prepared, '', 'the token and the code are gone')
  assert.ok(failed.facts !== '')
  assert.match(failed.problem, '550')
  assert.not.match(failed.problem, /anna/i)
  site.clock.advance(3 * DAY)
  assert.is(context.server.asked.length, 2)
  const isWarning = (line: string) => line.includes('gatehouse mails')
  // The warning comes after the state is stored.
  await until(async () => site.logs.some(isWarning))
  const warnings = site.logs.filter(isWarning)
  assert.is(warnings.length, 1)
  assert.match(warnings[0] ?? '', '"level":40')
  assert.match(warnings[0] ?? '', '550')
  assert.not.match(site.logs.join(''), /anna@/i)
})

test('a refused recipient delays no other email', async (context) => {
  const site = await start(context)
  const userId = await userOf(context, site)
  context.server.refuse('notice0@example.com', 550)
  context.server.refuse('notice1@example.com', 450)
  await post(context, site, notices(userId, 22))
  await inState(site, 'sent', 20)
  assert.is(new Set(context.server.received.flatMap(({ to }) => to)).size, 21)
  assert.is(context.server.received.length, 21)
})

test('emails wait while the server is down, survive a restart, and are sent', async (context) => {
  const first = await start(context)
  await context.server.stop()
  for (const name of ['Anna', 'Bela', 'Cleo']) {
    assert.is((await first.visitor().signUp(name)).status, 303)
  }
  await tried(first)
  const isAway = (line: string) => line.includes('mail server unavailable')
  assert.is(first.logs.filter(isAway).length, 1, 'one warning for all emails')
  assert.not.match(first.logs.join(''), /anna@/i)
  for (let minute = 0; minute < 5; minute++) await retried(first, MINUTE)
  assert.is(first.logs.filter(isAway).length, 1)
  const site = await startAgain(context, first)
  await retried(site, MINUTE)
  await context.server.start()
  site.clock.advance(MINUTE)
  await context.server.mails(3)
  await inState(site, 'sent', 3)
  assert.is(context.server.received.length, 3)
  const back = site.logs.filter((line) => line.includes('mail server available again'))
  assert.is(back.length, 1)
})

test('the pauses between attempts grow, and the email fails after 2 days', async (context) => {
  const site = await start(context)
  context.server.refuse('Anna@example.com', 451)
  await site.visitor().signUp('Anna')
  await tried(site)
  const pauses: number[] = []
  for (const age of [15 * SECOND, HOUR, 10 * HOUR, 40 * HOUR]) {
    const { tries } = await only(site)
    site.clock.time = Date.UTC(2026, 0, 1) + age
    await until(async () => (await only(site)).tries > tries, 'one more attempt')
    await until(
      async () => (await only(site)).due_at !== site.clock.time + 30 * SECOND,
      'the end of the attempt',
    )
    pauses.push((await only(site)).due_at - site.clock.time)
  }
  assert.equal(pauses, [15 * SECOND, 7.5 * MINUTE, HOUR, HOUR])
  site.clock.advance(8 * HOUR)
  await inState(site, 'failed')
  assert.is((await only(site)).prepared, '')
})

test('two sites on one database share the emails and send none twice', async (context) => {
  const one = await start(context)
  const userId = await userOf(context, one)
  const other = await start(context, { database: one.database })
  await post(context, one, notices(userId, 40))
  await context.server.mails(41)
  await inState(one, 'sent', 40)
  assert.is(context.server.received.length, 41)
  assert.is(new Set(context.server.received.map(({ mail }) => mail.messageId)).size, 41)
  assert.is(other.logs.filter((line) => line.includes('left for later')).length, 0)
})

test('the database holds no email, token or code in plain text', async (context) => {
  const site = await start(context)
  context.server.refuse('Anna@example.com', 450)
  await site.visitor().signUp('Anna')
  await tried(site)
  const waiting = await only(site)
  assert.ok(waiting.prepared !== '')
  context.server.refuse('Anna@example.com', 450, 0)
  site.clock.advance(MINUTE)
  const [received] = await context.server.mails(1)
  await inState(site, 'sent')
  const text = received?.mail.text ?? ''
  const [, token = 'none'] = /\/([\w-]{43})\/\s/.exec(text) ?? []
  const [code = 'none'] = codesIn(text)
  const columns = JSON.stringify(waiting)
  for (const secret of [token, code, 'anna', 'example.com'])
    assert.not.match(columns.toLowerCase(), secret.toLowerCase())
  const delivered = await only(site)
  assert.is(delivered.prepared + delivered.facts + delivered.problem, '')
  assert.not.match(JSON.stringify(await site.rows('select * from tokens')), token)
})

test('an email whose key is missing waits an hour for another node, then fails', async (context) => {
  const first = await start(context)
  const environment = { SESSION_KEYS: Buffer.alloc(32, 9).toString('base64url') }
  await context.server.stop()
  await first.visitor().signUp('Anna')
  await tried(first)
  await first.close()
  context.sites.splice(0)
  await context.server.start()
  const site = await start(context, { database: first.database, environment })
  site.clock.time = first.clock.time + MINUTE
  await until(
    async () => /encryption key is missing/.test((await only(site)).problem),
    'it cannot be decrypted',
  )
  assert.is((await only(site)).state, 'waiting')
  site.clock.advance(HOUR)
  await inState(site, 'failed')
  assert.is((await only(site)).problem, 'Its encryption key is missing.')
  assert.equal(context.server.received, [])
})

test('an email is not sent again if the database could not record it', async (context) => {
  const site = await start(context)
  context.server.hang()
  await site.visitor().signUp('Anna')
  await until(() => context.server.holding === 1, 'the server has the email')
  const unlock = await lock(site.database)
  context.server.release()
  await context.server.mails(1)
  // Longer than the database retries a write.
  const isMissed = () => site.logs.some((line) => line.includes('left for later'))
  const end = Date.now() + 5_500
  await until(() => isMissed() || Date.now() > end, 'the write failed, or is being retried')
  await unlock()
  await inState(site, 'sent')
  site.clock.advance(HOUR)
  await site.visitor().signUp('Bela')
  await context.server.mails(1, 'Bela@example.com')
  assert.is(context.server.received.length, 2)
})

test('close() does not wait long for a mail server that hangs, and logs no warning', async (context) => {
  const site = await start(context)
  context.server.hang()
  await site.visitor().signUp('Anna')
  await until(() => context.server.holding === 1, 'the server has the email')
  context.sites.splice(0)
  // Waiting for the server's time-out would log that it is unavailable.
  await site.close()
  assert.is((await only(site)).state, 'waiting')
  assert.not.match(site.logs.join(''), 'mail server unavailable')
})

test('when a process is killed while sending, another one sends the email', async (context) => {
  const database = await freshDatabase()
  const environment = { SMTP_URL: context.server.url(), BASE_URL }
  const program = launchSite(tmpdir(), { ...settingsFor(database), ...environment })
  context.server.hang()
  await new Visitor(await addressOf(program)).signUp('Anna')
  await until(() => context.server.holding === 1, 'the server has the email')
  program.signal('SIGKILL')
  await program.end
  const [before] = await rows<Row>(database, 'select * from mails')
  assert.is(before?.state, 'waiting')
  const site = await start(context, { database })
  site.clock.time = Date.now()
  await context.server.stop()
  context.server.received.splice(0)
  await context.server.start()
  site.clock.advance(MINUTE)
  const [received] = await context.server.mails(1)
  await inState(site, 'sent')
  assert.is(received?.mail.messageId, `<${before?.id}@accounts.example.com>`)
})

for (const tls of ['at once', 'when asked'] as const) {
  test(`an email goes over TLS ${tls}, with any characters in the password`, async (context) => {
    const account = { user: 'anna@example.com', password: 'p@ss:w/rd%41 #?ü' }
    const site = await startWith(context, { tls, account })
    await site.visitor().signUp('Anna')
    const [received] = await context.server.mails(1)
    assert.is(received?.isEncrypted, true)
    assert.is(received?.user, account.user)
  })
}

test('TLS is used when the server offers it', async (context) => {
  const site = await startWith(context, { tls: 'when asked' })
  await site.visitor().signUp('Anna')
  const [received] = await context.server.mails(1)
  assert.is(received?.isEncrypted, true)
})

test('nothing is sent to a server with an untrusted certificate', async (context) => {
  const site = await startWith(context, { tls: 'at once' }, { isTrusted: false })
  await site.visitor().signUp('Anna')
  await tried(site)
  assert.is((await only(site)).state, 'waiting')
  assert.equal(context.server.received, [])
})

test('with a wrong SMTP password emails wait, with one warning', async (context) => {
  const account = { user: 'anna', password: 'right-secret' }
  const first = await startWith(context, { account }, { password: 'wrong-secret' })
  await first.visitor().signUp('Anna')
  await first.visitor().signUp('Bela')
  await tried(first)
  for (let minute = 0; minute < 3; minute++) await retried(first, MINUTE)
  assert.ok((await stored(first)).every(({ state, refusals }) => state === 'waiting' && refusals === 0))
  const warnings = first.logs.filter((line) => line.includes('mail server unavailable'))
  assert.is(warnings.length, 1)
  assert.match(warnings[0] ?? '', '535')
  assert.not.match(first.logs.join(''), 'secret')
  const site = await startAgain(context, first)
  site.clock.advance(MINUTE)
  await context.server.mails(2)
})

test.run()
