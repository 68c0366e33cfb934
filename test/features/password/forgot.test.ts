import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOUR, MINUTE } from '../../../src/base/durations.js'
import { type Page, Site } from '../../support/helpers.js'

const test = suite('password/forgot')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_MAIL_NETWORK: '1000/1h' } })
  await site.visitor().signUp('Anna', { email: 'Anna@Example.com' })
  await site.mail('Anna@Example.com')
  // Emails to an unconfirmed address leave out the username.
  await site.write("update users set email_confirmed_at = 1 where name = 'Anna'")
})
test.after(() => site.close())
test.before.each(() => site.emptyMailbox())
test.after.each(async () => {
  // The pause between two emails begins when the first one is sent.
  await site.emptyMailbox()
  site.clock.advance(HOUR)
})

const PATH = '/password/forgot/'

async function ask(username: string, { htmx = false } = {}): Promise<Page> {
  const visitor = site.visitor({ htmx })
  return visitor.send(await visitor.open(PATH), { username })
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: the email goes to the stored address and shows the username`, async () => {
    for (const username of ['anna', 'ANNA@example.COM']) {
      const page = await ask(username, { htmx })
      assert.is(page.status, htmx ? 200 : 303)
      const mail = await site.mail()
      assert.is(mail.to, 'Anna@Example.com')
      assert.match(mail.text, 'Your username is Anna')
      assert.match(mail.link, /^\/password\/reset\/link\/[\w-]{43}\/$/)
      assert.match(mail.code, /^\d{8}$/)
      await site.emptyMailbox()
      site.clock.advance(MINUTE)
    }
  })

  test(`${kind}: an empty field is refused`, async () => {
    const page = await ask('  ', { htmx })
    assert.is(page.status, 406)
    assert.equal(page.messages(), ['⚠ Enter your username or email address.'])
    assert.is(page.fieldError('username'), 'Enter your username or email address.')
  })

  test(`${kind}: known and unknown names get identical responses on both pages`, async () => {
    const whole = async (username: string) => {
      const visitor = site.visitor({ htmx })
      const response = await visitor.send(await visitor.open(PATH), { username })
      const page = await visitor.open('/password/reset/')
      const wrong = await visitor.send(page, { code: '00000000' })
      return [response, page, wrong].map((one) => masked(one, username))
    }
    assert.equal(await whole('anna'), await whole('otto'))
    assert.equal(await whole('anna@example.com'), await whole('otto@example.com'))
  })
}

/** Returns what an observer can compare: all of the response, and the length of what is random. */
function masked({ status, text, headers, cookies }: Page, username: string): unknown {
  const values = text
    .replaceAll(username, 'NAME')
    .replaceAll(/(name="_(?:csrf|once)" value=")([^"]*)/g, (_, head, value) => head + value.length)
  const { 'set-cookie': _, date: __, etag: ___, ...rest } = headers
  return { status, values, rest, cookies: cookies.map((cookie) => cookie.length) }
}

test('only a known username sends an email', async () => {
  const silent = await Site.start({ environment: { LIMIT_MAIL_NETWORK: '1000/1h' } })
  await silent.visitor().signUp('Anna')
  await silent.emptyMailbox()
  for (const username of ['Anna', 'Otto']) {
    const visitor = silent.visitor()
    await visitor.send(await visitor.open(PATH), { username })
  }
  assert.is((await silent.mail()).to, 'Anna@example.com')
  await silent.close()
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: 5 requests within a minute send one email`, async () => {
    for (const username of ['Anna', 'anna', 'ANNA@example.com', 'anna@example.com', 'Anna']) {
      const visitor = site.visitor({ htmx })
      const response = await visitor.send(await visitor.open(PATH), { username })
      assert.is(response.status, htmx ? 200 : 303)
      const page = htmx ? response : await visitor.open('/password/reset/')
      assert.equal(page.messages(), [
        '✔ If there is an account with this username or email address, an email is on its way or was sent recently.',
      ])
    }
    await site.allSent()
    assert.ok((await site.mail()).code)
    await site.emptyMailbox()
    site.clock.advance(MINUTE)
    await ask('anna@example.com')
    assert.ok((await site.mail()).code, 'a minute later another email is sent')
  })
}

test('a code works only in the browser whose request sent the email', async () => {
  const [first, second] = [site.visitor(), site.visitor()]
  for (const visitor of [first, first, second]) {
    await visitor.send(await visitor.open(PATH), { username: 'Anna' })
  }
  const { code, link } = await site.mail()
  assert.is((await second.send(await second.open('/password/reset/'), { code })).status, 406)
  assert.is((await second.follow({ link })).status, 200)
  assert.is((await first.send(await first.open('/password/reset/'), { code })).status, 303)
})

test('a double click sends one email', async () => {
  const visitor = site.visitor()
  const page = await visitor.open(PATH)
  await Promise.all([visitor.send(page, { username: 'Anna' }), visitor.send(page, { username: 'Anna' })])
  await site.emptyMailbox()
  site.clock.advance(MINUTE)
  await ask('Anna')
  await site.mail()
})

test('5 emails an hour for one name, known or unknown', async () => {
  // The pause between two emails begins when the first one is sent.
  const askInTime = async (username: string) => {
    await site.allSent()
    site.clock.advance(MINUTE)
    return ask(username)
  }
  for (const username of ['Anna', 'Nobody']) {
    for (let count = 0; count < 5; count++) assert.is((await askInTime(username)).status, 303)
    const page = await askInTime(username)
    assert.is(page.status, 429)
    assert.match(page.messages()[0] ?? '', 'Too many emails have been requested')
    assert.ok(page.headers['retry-after'])
    assert.is(page.value('username'), username)
  }
  for (let count = 0; count < 5; count++) assert.is((await askInTime('anna@example.com')).status, 303)
  assert.is((await site.mails('Anna@Example.com', 5)).length, 5)
  await site.emptyMailbox()
})

test('each network has a limit', async () => {
  const held = await Site.start({ environment: { LIMIT_MAIL_NETWORK: '2/1h' } })
  const statuses = []
  for (const username of ['one', 'two', 'three']) {
    const visitor = held.visitor()
    statuses.push((await visitor.send(await visitor.open(PATH), { username })).status)
  }
  assert.equal(statuses, [303, 303, 429])
  await held.close()
})

test('a name that is too long gets the same response as any other', async () => {
  assert.is((await ask('x'.repeat(20_000))).status, 303)
})

test('links begin with BASE_URL, whatever the Host header says', async () => {
  const based = await Site.start({ environment: { BASE_URL: 'http://127.0.0.1:8099' } })
  const visitor = based.visitor()
  await visitor.agent.get('/').set('Host', 'evil.example')
  const page = await visitor.open(PATH)
  await based.visitor().signUp('Anna')
  await based.emptyMailbox()
  const body = new URLSearchParams(page.$('main form').serialize())
  body.set('username', 'Anna')
  await visitor.post(`${PATH}verify/`, body.toString(), { Host: 'evil.example' })
  const mail = await based.mail()
  assert.match(mail.text, 'http://127.0.0.1:8099/password/reset/')
  assert.not.match(mail.text, 'evil')
  await based.close()
})

test('the login page leads here', async () => {
  assert.is((await site.visitor().open('/login/')).$(`main a[href="${PATH}"]`).length, 1)
})

test.run()
