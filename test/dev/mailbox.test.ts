import { once } from 'node:events'
import { connect } from 'node:net'
import supertest from 'supertest'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Site } from '../support/helpers.js'
import { assertValid } from '../support/html.js'

const IN_DEVELOPMENT = { NODE_ENV: 'development' }

const test = suite('dev/mailbox')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: IN_DEVELOPMENT })
})
test.after(() => site.close())

/** Signs up, and returns the path of the one email. */
async function pathOfMail(name: string): Promise<string> {
  await site.visitor().signUp(name)
  await site.allSent()
  const list = await site.visitor().open('/dev/mailbox/')
  const link = list.$('.rows li').filter((_, row) => list.$(row).text().includes(`${name}@example.com`))
  assert.is(link.length, 1)
  return link.find('a').attr('href') ?? ''
}

test('shows a caught email with recipient, text, link and code', async () => {
  const mail = await site.visitor().open(await pathOfMail('Anna'))
  assert.is(mail.$('h1').text(), 'Confirm your email address for Gatehouse')
  assert.is(mail.$('dd').first().text(), 'Anna@example.com')
  assert.match(mail.$('pre').text(), /^Hi,$/m)
  assert.match(mail.$('pre a').attr('href') ?? '', /^\/email\/confirm\/link\/[\w-]{43}\/$/)
  assert.match(mail.$('pre').text(), /\b\d{8}\b/)
})

test('shows the HTML email with its link, without running or loading anything in it', async () => {
  const path = await pathOfMail('Bela')
  const page = await site.visitor().open(path)
  const href = page.$('a[href$="/html/"]').attr('href') ?? ''
  const mail = await site.visitor().open(href)
  assert.is(mail.status, 200)
  assert.is(mail.$('a').attr('href'), page.$('pre a').attr('href'))
  const policy = mail.headers['content-security-policy'] ?? ''
  assert.match(policy, "default-src 'none'")
  assert.not.match(policy, 'script-src')
  assert.match(policy, "frame-ancestors 'none'")
  assert.match(mail.headers['cache-control'] ?? '', 'no-store')
})

test('lists the newest email first, even within a millisecond', async () => {
  const names = ['One', 'Two', 'Three', 'Four', 'Five', 'Six', 'Seven']
  await site.emptyMailbox()
  for (const name of names) await site.visitor().signUp(name)
  await site.allSent()
  const list = await site.visitor().open('/dev/mailbox/')
  const rows = list.$('.rows li').toArray()
  assert.equal(
    rows.map((row) => /\w+(?=@)/.exec(list.$(row).text())?.[0]),
    names.toReversed(),
  )
})

test('has valid pages', async () => {
  const path = await pathOfMail('Cleo')
  for (const page of ['/dev/mailbox/', path, `${path}html/`]) {
    const { text } = await site.visitor().open(page)
    await assertValid(text, page)
  }
})

test('an unknown email gets 404', async () => {
  assert.is((await site.visitor().open('/dev/mailbox/nothing/')).status, 404)
  assert.is((await site.visitor().open('/dev/mailbox/nothing/html/')).status, 404)
})

for (const [what, headers] of [
  ['a name that someone may have pointed here', { Host: 'evil.example' }],
  ['a name that only looks like this machine', { Host: 'localhost.evil.example' }],
  ['another machine’s address', { Host: '192.168.1.7:3000' }],
  ['a proxy', { 'X-Forwarded-For': '192.0.2.1' }],
  ['a proxy with the Forwarded header', { Forwarded: 'for=192.0.2.1' }],
  ...[
    ...['Via', 'X-Real-IP', 'X-Forwarded-Server', 'X-Client-IP', 'X-Cluster-Client-IP', 'X-Request-Id'],
    ...['CF-Connecting-IP', 'CF-Ray', 'CDN-Loop', 'True-Client-IP', 'Fly-Client-IP', 'Fly-Region'],
    ...['Fastly-Client-IP', 'X-Envoy-External-Address', 'X-Original-Host', 'X-Amzn-Trace-Id', 'Client-IP'],
    ...['Tailscale-User-Login', 'Front-End-Https', 'X-Azure-ClientIP', 'X-ARR-SSL', 'Proxy-Client-IP'],
  ].map((header) => [`a proxy that sets ${header}`, { [header]: '192.0.2.1' }] as const),
] as const) {
  test(`is not served through ${what}`, async () => {
    const path = await pathOfMail(`By ${what}`.slice(0, 20).replaceAll(/[^a-z]/gi, '-'))
    for (const page of ['/dev/mailbox/', path, `${path}html/`]) {
      assert.is((await supertest(site.server).get(page).set(headers)).status, 404)
    }
  })
}

test('is not served to HTTP/1.0, which proxies without headers use', async () => {
  const { port } = new URL(site.address)
  const socket = connect(Number(port), '127.0.0.1')
  socket.end(`GET /dev/mailbox/ HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`)
  const [response] = await once(socket.setEncoding('utf8'), 'data')
  assert.match(String(response), /^HTTP\/1\.1 404 /)
})

test('is served to a browser with any other headers', async () => {
  const headers = {
    Host: 'localhost:3000',
    Accept: 'text/html',
    'Accept-Language': 'ru,en;q=0.5',
    'Cache-Control': 'max-age=0',
    'HX-Request': 'true',
    'Sec-CH-UA-Platform': '"Linux"',
    'Sec-Fetch-Dest': 'document',
    'Sec-GPC': '1',
    'Upgrade-Insecure-Requests': '1',
    DNT: '1',
    Priority: 'u=0, i',
    TE: 'trailers',
    'X-Requested-With': 'org.example.browser',
  }
  assert.is((await supertest(site.server).get('/dev/mailbox/').set(headers)).status, 200)
})

for (const Host of ['localhost:3000', '127.0.0.1', '[::1]:3000', 'gatehouse.localhost']) {
  test(`is served at ${Host}`, async () => {
    assert.is((await supertest(site.server).get('/dev/mailbox/').set({ Host })).status, 200)
  })
}

for (const [what, environment] of [
  ['where emails are sent', { SMTP_URL: 'smtp://127.0.0.1:1', BASE_URL: 'http://127.0.0.1:3000' }],
  ['where emails are off', { MAIL: 'off' }],
  [
    'in production',
    { NODE_ENV: 'production', BASE_URL: 'http://127.0.0.1:3000', SMTP_URL: 'smtp://127.0.0.1:1' },
  ],
  ['in production without email', { NODE_ENV: 'production', BASE_URL: 'http://127.0.0.1:3000', MAIL: 'off' }],
  ['without NODE_ENV=development', { NODE_ENV: '' }],
  ['in an app’s test run', { NODE_ENV: 'test' }],
  ['on a site that others can see', { BASE_URL: 'https://accounts.example.com' }],
] satisfies [string, Record<string, string>][]) {
  test(`is not served ${what}`, async () => {
    const other = await Site.start({ environment: { ...IN_DEVELOPMENT, ...environment } })
    for (const path of ['/dev/mailbox/', '/dev/mailbox/x/', '/dev/mailbox/x/html/']) {
      assert.is((await other.visitor().open(path)).status, 404)
    }
    await other.close()
  })
}

test.run()
