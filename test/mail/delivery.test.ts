import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as cheerio from 'cheerio'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/durations.js'
import { root } from '../../src/base/package.js'
import { createOutbox, type Draft } from '../../src/mail/outbox.js'
import { DeliveryError, type OutgoingMail } from '../../src/mail/transport.js'
import { siteKeys } from '../../src/secrets/key-file.js'
import { createKeyring } from '../../src/secrets/keyring.js'
import { hashOf } from '../../src/secrets/token.js'
import { readConfig } from '../../src/server/config.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { freshDatabase, lock, rows, settingsFor } from '../support/databases.js'
import { Site, until, Visitor } from '../support/helpers.js'
import { assertValid } from '../support/html.js'
import { type MailServerOptions, type ReceivedMail, TestMailServer } from '../support/mail-server.js'
import { addressOf, launchSite } from '../support/program.js'

const BASE_URL = 'http://accounts.example.com:3000'
const FROM = 'The Gate <no-reply@example.com>'

interface Context {
  server: TestMailServer
  sites: Site[]
  databases: Database[]
}

const test = suite<Context>('delivery')

test.before.each(async (context) => {
  context.server = await TestMailServer.start()
  context.sites = []
  context.databases = []
})

test.after.each(async ({ server, sites, databases }) => {
  await server.stop()
  for (const site of sites) await site.close()
  for (const database of databases) await database.close()
})

type Options = NonNullable<Parameters<typeof Site.start>[0]>

/** Starts a site that sends its emails to the test's mail server. */
async function start(context: Context, { environment = {}, ...options }: Options = {}): Promise<Site> {
  const mailed = { SMTP_URL: context.server.url(), BASE_URL, MAIL_FROM: FROM, ...environment }
  const site = await Site.start({ environment: mailed, ...options })
  context.sites.push(site)
  return site
}

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

interface Row {
  id: string
  kind: string
  state: string
  facts: string
  prepared: string
  problem: string
  tries: number
  refusals: number
  due_at: number
}

function stored(site: Site): Promise<Row[]> {
  return site.rows<Row>('select * from mails order by id')
}

async function only(site: Site): Promise<Row> {
  const [row, ...others] = await stored(site)
  if (row === undefined || others.length > 0) throw new Error('There should be one email.')
  return row
}

async function inState(site: Site, state: string, count = 1): Promise<void> {
  const isSo = async () => (await stored(site)).filter((row) => row.state === state).length === count
  await until(isSo, `${count} mails that are ${state}`)
}

/** Waits until all emails were tried and none is being sent. */
async function tried(site: Site): Promise<void> {
  await until(
    async () => (await stored(site)).every(({ problem }) => problem !== ''),
    'all emails were tried',
  )
}

/** Moves the clock, and waits until all emails were tried once more. */
async function retried(site: Site, later: number): Promise<void> {
  await site.write("update mails set problem = ''")
  site.clock.advance(later)
  await tried(site)
}

/** Writes emails into the outbox of a site without the site. */
async function post(context: Context, site: Site, drafts: readonly Draft[]): Promise<void> {
  const keyring = createKeyring(siteKeys(readConfig(settingsFor(site.database))))
  const outbox = createOutbox({ mode: 'sent', keyring, now: site.clock.now })
  const database = await openDatabase(site.database)
  context.databases.push(database)
  await database.write(async (transaction) => {
    for (const draft of drafts) await outbox.post(transaction, draft)
  })
}

const WHERE = { at: Date.UTC(2026, 0, 1), browser: 'Firefox', system: 'Linux', address: '2001:db8::1' }

/** Returns that many security emails of one user, each to another address. */
function notices(userId: string, count: number): Draft[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'password-changed' as const,
    userId,
    facts: { to: `notice${index}@example.com`, ...WHERE },
  }))
}

/** Creates an account, waits for its first email, and returns its id. */
async function userOf(context: Context, site: Site): Promise<string> {
  await site.visitor().signUp('Anna')
  await context.server.mails(1, 'Anna@example.com')
  await inState(site, 'sent')
  await site.write('delete from mails')
  const [user] = await site.rows<{ id: string }>('select id from users')
  return user?.id ?? ''
}

function linksIn(text: string): string[] {
  return text.match(/https?:\/\/[^\s"<>]+/g) ?? []
}

function codesIn(text: string): string[] {
  return text.replaceAll(/https?:\S+/g, '').match(/\d{8}/g) ?? []
}

function header({ mail }: ReceivedMail, name: string): string {
  return String(mail.headers.get(name) ?? '')
}

test('a sign-up sends one email, as text and HTML, with one link and one code', async (context) => {
  const site = await start(context)
  assert.is((await site.visitor().signUp('Анна', { email: 'anna@example.com' })).status, 303)
  const [received, ...others] = await context.server.mails(1)
  assert.ok(received)
  await inState(site, 'sent')
  assert.equal(others, [])
  const { mail } = received
  assert.equal(received.to, ['anna@example.com'])
  assert.is(received.from, 'no-reply@example.com')
  assert.is(mail.from?.text, '"The Gate" <no-reply@example.com>')
  assert.is([mail.to].flat()[0]?.text, 'anna@example.com')
  assert.is(mail.subject, 'Confirm your email address for Gatehouse')
  assert.is(mail.date?.getTime(), site.clock.time)
  const { id } = await only(site)
  assert.is(mail.messageId, `<${id}@accounts.example.com>`)
  assert.is(header(received, 'auto-submitted'), 'auto-generated')
  assert.match(received.raw, /^Content-Type: multipart\/alternative;/m)
  const text = mail.text ?? ''
  const $ = cheerio.load(mail.html || '')
  assert.match(text, /^Hi,$/m)
  assert.match($('main').text(), 'Hi,')
  const [link = '', ...more] = linksIn(text)
  assert.equal(more, [])
  assert.match(link, /^http:\/\/accounts\.example\.com:3000\/email\/confirm\/link\/[\w-]{43}\/$/)
  assert.is($('a').attr('href'), link)
  assert.is(codesIn(text).length, 1)
  assert.equal(codesIn($('main').text()), codesIn(text))
})

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

test('links begin with BASE_URL, whatever the Host header says', async (context) => {
  const site = await start(context)
  const visitor = site.visitor()
  visitor.agent.set('Host', 'evil.example').set('X-Forwarded-Host', 'evil.example')
  await visitor.signUp('Anna')
  const [received] = await context.server.mails(1)
  assert.not.match(received?.raw ?? 'evil', 'evil')
  assert.ok(linksIn(received?.mail.text ?? '')[0]?.startsWith(`${BASE_URL}/`))
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

test('neither the site’s name nor a username can add a header', async (context) => {
  const siteName = 'Café: the\r\nBcc: victim@example.com\n\nsecond line'
  const site = await start(context, { siteName })
  await site.visitor().signUp('Слава', { email: 'slava@example.com' })
  const [received] = await context.server.mails(1)
  assert.ok(received)
  assert.equal(received.to, ['slava@example.com'])
  assert.is(header(received, 'bcc'), '')
  assert.is(
    received.mail.subject,
    'Confirm your email address for Café: the Bcc: victim@example.com second line',
  )
  assert.match(received.mail.text ?? '', /^Hi,/)
})

for (const [typed, envelope] of [
  ['jürgen@exämple.com', 'jürgen@exämple.com'],
  ["o'neill+tag@example.com", "o'neill+tag@example.com"],
  ['anna@bücher.example.com', 'anna@bücher.example.com'],
] as const) {
  test(`an email to ${typed} goes there and nowhere else`, async (context) => {
    const site = await start(context)
    assert.is((await site.visitor().signUp('Anna', { email: typed })).status, 303)
    const [received] = await context.server.mails(1)
    await inState(site, 'sent')
    const [to = ''] = received?.to ?? []
    assert.is(received?.to.length, 1)
    assert.is(
      decodeURIComponent(new URL(`http://${to.split('@')[1]}`).hostname),
      new URL(`http://${envelope.split('@')[1]}`).hostname,
    )
    assert.is(to.split('@')[0], envelope.split('@')[0])
  })
}

test('a quoted address with a comma is not a list of addresses', async (context) => {
  const site = await start(context)
  const userId = await userOf(context, site)
  const to = '"x@evil.example, y"@example.com'
  await post(context, site, [{ kind: 'password-changed', userId, facts: { to, ...WHERE } }])
  // This server refuses all quotes.
  await tried(site)
  assert.match((await only(site)).problem, '501')
  assert.equal(context.server.asked, ['Anna@example.com'])
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

test('the host app’s template replaces the original', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
  write(folder, 'mail/email-confirm.txt', 'Subject: Come in{{ name }}\n\nOpen {{ link }}\n')
  const site = await start(context, { templates: [folder] })
  await site.visitor().signUp('Anna')
  const [received] = await context.server.mails(1)
  assert.is(received?.mail.subject, 'Come in', 'an unconfirmed address gets no name')
  assert.match(received?.mail.text ?? '', /^Open http/)
  assert.match(received?.mail.html || '', 'Confirm email address', 'the HTML is the original')
  rmSync(folder, { recursive: true })
})

for (const [what, text] of [
  ['does not work', 'Subject: {{ nobody.knows }}\n\n{{ link }}'],
  ['has no subject', 'Open {{ link }}\n'],
] as const) {
  test(`a template that ${what} is logged, and delays only its own email`, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
    write(folder, 'mail/email-confirm.txt', text)
    const site = await start(context, { templates: [folder], development: true })
    await site.visitor().signUp('Anna')
    await tried(site)
    assert.match(site.logs.join(''), /mail\/email-confirm\.txt/)
    const [user] = await site.rows<{ id: string }>('select id from users')
    await post(context, site, notices(user?.id ?? '', 1))
    await context.server.mails(1, 'notice0@example.com')
    rmSync(folder, { recursive: true })
    site.clock.advance(MINUTE)
    await context.server.mails(1, 'Anna@example.com')
    await inState(site, 'sent', 2)
  })
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true })
  writeFileSync(join(folder, name), text)
}

const WITH_CODE = ['email-confirm', 'password-reset']
const PIECES = ['layout', 'parts', 'where']
const kinds = readdirSync(join(root, 'templates', 'mail'))
  .filter((name) => name.endsWith('.html'))
  .map((name) => name.slice(0, -'.html'.length))
  .filter((name) => !PIECES.includes(name))

test('every email is valid, has the same single link in text and HTML, and loads nothing', async (context) => {
  const siteName = `The "Gate" & <Sons>`
  const site = await start(context, { siteName, limits: 'off' })
  const userId = await userOf(context, site)
  const token = 'a'.repeat(43)
  await site.write(
    `insert into invitations values ('${hashOf(token)}', 'x@example.com', 'x@example.com', 'host', 1, 2)`,
  )
  await site.write(`update users set next_email = 'new@example.com'`)
  assert.is(kinds.length, KIND_NAMES.length)
  const facts = {
    ...{ to: 'anna@example.com', email: 'new@example.com', former: 'Ann "<b>', askedIn: 'a browser' },
    ...{ ...WHERE, left: 3, passkey: 'Phone', wait: MINUTE, endsAt: WHERE.at, token, lasts: MINUTE },
  }
  const draftsOf = (kind: string) =>
    [WHERE.address, ''].map((address) => ({ kind: kindOf(kind), userId, facts: { ...facts, address } }))
  const isForConfirmed = (kind: string) => kind.startsWith('second-lost')
  const drafts = kinds.filter((kind) => !isForConfirmed(kind)).flatMap(draftsOf)
  await post(context, site, drafts)
  await inState(site, 'sent', drafts.length)
  // Only a confirmed address gets these.
  await site.write(
    `update users set email_confirmed_at = 1, second_step_at = 1, second_ends_at = ${WHERE.at}`,
  )
  await post(context, site, kinds.filter(isForConfirmed).flatMap(draftsOf))
  await inState(site, 'sent', 2 * kinds.length)
  const ids = new Map((await stored(site)).map(({ id, kind }) => [`<${id}@accounts.example.com>`, kind]))
  for (const kind of kinds) {
    const all = context.server.received.filter(({ mail }) => ids.get(mail.messageId ?? '') === kind)
    assert.is(all.length, 2, kind)
    for (const { mail } of all) {
      const text = mail.text ?? ''
      const html = mail.html || ''
      const $ = cheerio.load(html)
      const [link = '', ...others] = linksIn(text)
      assert.ok(link.startsWith(`${BASE_URL}/`), kind)
      assert.equal(others, [], `${kind} has more than one link`)
      assert.equal(linksIn(html), [link], `${kind} has other links in HTML`)
      assert.is($('a[href]').attr('href'), link)
      assert.is($('img, link, script, iframe, object, embed, [src], [background]').length, 0)
      assert.not.match(html, /url\(|@import/i)
      assert.equal(codesIn($('main').text()), codesIn(text))
      assert.is(codesIn(text).length, WITH_CODE.includes(kind) ? 1 : 0, `${kind}:\n${text}`)
      assert.match(text, siteName)
      assert.not.match(text, /&(?:amp|quot|lt|gt|#\d+);/, 'text is not escaped')
      assert.match(html, 'The &quot;Gate&quot; &amp; &lt;Sons&gt;')
      assert.match($('h1').text(), mail.subject ?? 'none')
      await assertValid(html, kind, 'email')
    }
  }
})

const KIND_NAMES: readonly Draft['kind'][] = [
  'email-confirm',
  'email-taken',
  'password-reset',
  'password-changed',
  'password-removed',
  'email-change',
  'email-changed',
  'email-corrected',
  'email-restored',
  'email-undone',
  'name-changed',
  'login-new-device',
  'session-jumped',
  'login-failures',
  'account-closed',
  'second-on',
  'second-off',
  'app-added',
  'app-replaced',
  'recovery-made',
  'recovery-used',
  'second-failed',
  'second-lost',
  'second-lost-asked',
  'second-lost-soon',
  'second-lost-canceled',
  'second-lost-done',
  'passkey-added',
  'passkey-removed',
  'passkey-copied',
  'invitation',
]

function kindOf(name: string): Draft['kind'] {
  const kind = KIND_NAMES.find((one) => one === name)
  if (kind === undefined) throw new Error(`There is no email ${name}.`)
  return kind
}

test.run()
