import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as cheerio from 'cheerio'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { root } from '../../src/base/package.js'
import type { Draft } from '../../src/mail/outbox.js'
import { hashOf } from '../../src/secrets/token.js'
import {
  BASE_URL,
  codesIn,
  deliverySuite,
  header,
  inState,
  linksIn,
  notices,
  only,
  post,
  start,
  stored,
  tried,
  userOf,
  WHERE,
} from '../support/delivery.js'
import { assertValid } from '../support/html.js'

const test = deliverySuite('delivery')

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

test('links begin with BASE_URL, whatever the Host header says', async (context) => {
  const site = await start(context)
  const visitor = site.visitor()
  visitor.agent.set('Host', 'evil.example').set('X-Forwarded-Host', 'evil.example')
  await visitor.signUp('Anna')
  const [received] = await context.server.mails(1)
  assert.not.match(received?.raw ?? 'evil', 'evil')
  assert.ok(linksIn(received?.mail.text ?? '')[0]?.startsWith(`${BASE_URL}/`))
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
