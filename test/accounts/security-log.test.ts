import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'

/** Operators can tell guessing from mistyping, without learning who it was (ASVS 5 16.2 and 16.3). */
const test = suite('security log')
let site: Site

test.before.each(async () => {
  site = await Site.start({ environment: { TRUST_PROXY: '1', LIMIT_CODE_NETWORK: '2/1h' } })
  await visitorFrom('192.0.2.1').signUp('Anna', { email: 'anna@example.com' })
  site.logs.length = 0
})
test.after.each(() => site.close())

function visitorFrom(address: string): Visitor {
  const visitor = site.visitor()
  visitor.agent.set('X-Forwarded-For', address)
  return visitor
}

interface Line {
  msg: string
  level: number
  id: string
  event: string
  reason?: string
  purpose?: string
  network: string
  name?: string
  user?: string
}

function lines(): Line[] {
  const all: Line[] = site.logs.map((line) => JSON.parse(line))
  return all.filter(({ msg }) => msg === 'security event')
}

async function logIn(address: string, username: string, password = 'wrong'): Promise<void> {
  const visitor = visitorFrom(address)
  await visitor.send(await visitor.open('/login/'), { username, password })
}

test('guessing shows as one network with many names, mistyping as one name many times', async () => {
  for (const username of ['Bela', 'Cora', 'Anna']) await logIn('203.0.113.7', username)
  for (const username of ['anna', 'ANNA ']) await logIn('203.0.113.8', username)
  const failed = lines()
  assert.equal(
    failed.map(({ event, reason }) => [event, reason]),
    [
      ['login_failed', 'name_unknown'],
      ['login_failed', 'name_unknown'],
      ['login_failed', 'password_wrong'],
      ['login_failed', 'password_wrong'],
      ['login_failed', 'password_wrong'],
    ],
  )
  const [one, two, three, four, five] = failed
  assert.is(one?.network, two?.network)
  assert.is.not(one?.name, two?.name)
  assert.is.not(one?.network, four?.network)
  assert.equal([four?.name, five?.name], [three?.name, three?.name], 'in any case')
})

test('logins, limits, disabled accounts, codes and resets each have a line', async () => {
  await logIn('203.0.113.7', 'Anna', PASSWORD)
  for (let time = 0; time < 6; time++) await logIn('203.0.113.8', 'Anna')
  const visitor = visitorFrom('203.0.113.9')
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'anna@example.com' })
  const page = await visitor.open('/password/reset/')
  const mail = await site.mailThat('anna@example.com', ({ link }) => link.includes('/password/reset/'))
  for (let time = 0; time < 3; time++) await visitor.send(page, { code: '12345678' })
  const form = await visitor.follow(mail)
  await visitor.send(form, { password: 'another horse 43', repassword: 'another horse 43' })
  await site.write('update users set disabled_at = 1')
  await logIn('203.0.113.10', 'Anna', 'another horse 43')
  assert.equal(
    lines().map(({ event, reason, purpose }) => [event, reason ?? purpose].filter(Boolean).join(' ')),
    [
      'logged_in',
      ...Array(5).fill('login_failed password_wrong'),
      'limit_reached loginName',
      'password_reset_asked',
      'code_failed code_wrong',
      'code_failed code_wrong',
      'limit_reached codeNetwork',
      'password_reset',
      'login_failed account_disabled',
    ],
  )
})

test('no line has a username, address, password, code, token or network', async () => {
  await logIn('203.0.113.7', 'Anna', PASSWORD)
  await logIn('203.0.113.7', 'anna@example.com', 'mistaken')
  const visitor = visitorFrom('203.0.113.7')
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Anna' })
  await visitor.send(await visitor.open('/password/reset/'), { code: '12345678' })
  const mail = await site.mailThat('anna@example.com', ({ link }) => link.includes('/password/reset/'))
  const form = await visitor.follow(mail)
  await visitor.send(form, { password: 'another horse 43', repassword: 'another horse 43' })
  const log = lines()
    .map((line) => JSON.stringify(line))
    .join('\n')
  assert.ok(log.length > 0)
  const [, token = ''] = /link\/([^/]+)\//.exec(mail.link) ?? []
  for (const secret of ['anna', 'mistaken', 'horse', '203.0.113', '12345678', token, mail.code]) {
    assert.not.match(log.toLowerCase(), secret.toLowerCase())
  }
  for (const { id, level, network, name = 'A'.repeat(12) } of lines()) {
    assert.match(id, /^\d{12}$/, 'the request’s id')
    assert.is(level, 30)
    for (const pseudonym of [network, name]) assert.match(pseudonym, /^[\w-]{12}$/)
  }
})

test('another key gives other pseudonyms', async () => {
  await logIn('203.0.113.7', 'Otto')
  const [line] = lines()
  const other = await Site.start({ environment: { TRUST_PROXY: '1', SESSION_KEYS: 'A'.repeat(43) } })
  const visitor = other.visitor()
  visitor.agent.set('X-Forwarded-For', '203.0.113.7')
  await visitor.send(await visitor.open('/login/'), { username: 'Otto', password: 'wrong' })
  const found = other.logs.map((text): Line => JSON.parse(text)).find(({ msg }) => msg === 'security event')
  assert.is.not(found?.network, line?.network)
  assert.is.not(found?.name, line?.name)
  await other.close()
})

test('the line of a request has the codes of its errors, but no input', async () => {
  const other = await Site.start()
  const visitor = other.visitor()
  const page = await visitor.open('/signup/')
  await visitor.send(page, { username: 'admin', email: 'somewhere', password: 'q~7x', repassword: 'other' })
  await visitor.post('/login/verify/', 'username=Anna', { 'Sec-Fetch-Site': 'cross-site' })
  await visitor.open('/members/')
  await visitor.post('/members/recent/verify/', 'note=x')
  // A line is written after its response.
  await other.close()
  const requests = other.logs.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  assert.equal(
    requests.map(({ status, refused }) => [status, refused]),
    [
      [200, undefined],
      [406, ['username_reserved', 'email_invalid', 'password_short', 'repassword_differs']],
      [403, ['cross_site']],
      [303, undefined],
      [403, ['login_needed']],
    ],
  )
  assert.not.match(other.logs.join(), /somewhere|Anna/)
})

test.run()
