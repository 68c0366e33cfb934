import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { HOUR, MINUTE } from '../../src/base/durations.js'
import { PASSWORD, Site, type Visitor } from '../support/helpers.js'

/** Limits how often a network learns whether a username or an email address is in use. */
const test = suite('names and addresses in use')
const MOST = 30
const TRIED_TOO_OFTEN =
  '⚠ Too many usernames and email addresses have been tried from your network. Try again in 60 minutes.'
const HERE = '203.0.113.7'
let site: Site

test.before(async () => {
  site = await started({ LIMIT_TAKEN_NETWORK: `${MOST}/1h`, LIMIT_RENAME_ACCOUNT: '1000/1d' })
  await visitorFrom('192.0.2.2').signUp('Bela', { email: 'bela@example.com' })
})
test.after(() => site.close())
test.after.each(() => site.clock.advance(HOUR))

async function started(limits: Record<string, string> = {}): Promise<Site> {
  const one = await Site.start({ environment: { TRUST_PROXY: '1', ...limits } })
  await visitorFrom('192.0.2.1', {}, one).signUp('Anna', { email: 'anna@example.com' })
  return one
}

function visitorFrom(address: string, options = {}, at = site): Visitor {
  const visitor = at.visitor(options)
  visitor.agent.set('X-Forwarded-For', address)
  return visitor
}

async function loggedIn(address: string): Promise<Visitor> {
  const visitor = visitorFrom(address)
  await visitor.logIn('Anna')
  return visitor
}

/** Uses up the network's limit with forms that are refused for another reason, too, so that no account is created. */
async function tryMany(address: string, times = MOST): Promise<void> {
  const visitor = visitorFrom(address)
  const form = await visitor.open('/signup/')
  for (let time = 0; time < times; time++) {
    const page = await visitor.send(form, {
      username: 'x',
      email: `nobody-${time}@example.com`,
      password: '',
    })
    assert.is(page.status, 406, `attempt ${time}`)
  }
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: sign-up stops telling a network that has tried many`, async () => {
    await tryMany(HERE)
    const visitor = visitorFrom(HERE, { htmx })
    const typed = { username: '!', email: 'anna@example.com', password: 'x', repassword: 'y' }
    const page = await visitor.send(await visitor.open('/signup/'), typed)
    assert.is(page.status, 429)
    assert.equal(page.messages(), [TRIED_TOO_OFTEN])
    assert.is(page.headers['retry-after'], '3600')
    assert.is(page.value('email'), 'anna@example.com')
    const elsewhere = visitorFrom('203.0.113.8', { htmx })
    const told = await elsewhere.send(await elsewhere.open('/signup/'), typed)
    assert.ok(
      told.messages().includes('⚠ There is already an account with this email address.'),
      told.messages().join(),
    )
  })
}

test('sign-up, correction, email change and rename share one limit', async () => {
  const owner = await loggedIn('192.0.2.1')
  await tryMany('192.0.2.1')
  const newcomer = visitorFrom('192.0.2.3')
  await newcomer.signUp('Gora', { email: 'gora@example.com' })
  newcomer.agent.set('X-Forwarded-For', '192.0.2.1')
  const correcting = await newcomer.open('/email/confirm/address/')
  const changing = await owner.open('/account/email/')
  const renaming = await owner.open('/account/name/')
  const responses = [
    await newcomer.send(correcting, { email: 'bela@example.com' }),
    await owner.send(changing, { email: 'bela@example.com' }),
    await owner.send(renaming, { username: 'Bela' }),
  ]
  for (const page of responses) {
    assert.is(page.status, 429)
    assert.equal(page.messages(), [TRIED_TOO_OFTEN])
  }
  assert.equal(
    responses.map((page) => page.value('email') ?? page.value('username')),
    ['bela@example.com', 'bela@example.com', 'Bela'],
  )
})

test('each of them counts, even if the name or address is available', async () => {
  await tryMany('192.0.2.1', MOST - 3)
  const owner = await loggedIn('192.0.2.1')
  const changing = await owner.open('/account/email/')
  assert.is((await owner.send(changing, { email: 'bela@example.com' })).status, 406)
  assert.is((await owner.send(changing, { email: 'free@example.com' })).status, 303)
  const renaming = await owner.open('/account/name/')
  assert.is((await owner.send(renaming, { username: 'Bela' })).status, 406)
  assert.is((await owner.send(renaming, { username: 'Dora' })).status, 429)
  assert.is((await visitorFrom('192.0.2.1').signUp('free', { email: 'free2@example.com' })).status, 429)
})

test('a name or address that nobody can have does not count', async () => {
  const visitor = visitorFrom('203.0.113.9')
  const form = await visitor.open('/signup/')
  for (let time = 0; time <= MOST; time++) {
    assert.is((await visitor.send(form, { username: '!', email: 'x', password: 'x' })).status, 406)
  }
})

test('20 people who sign up after some errors never reach the default limit', async () => {
  const usual = await started()
  const visitor = visitorFrom('203.0.113.10', {}, usual)
  for (let person = 0; person < 20; person++) {
    const wanted = { username: 'Anna', email: 'anna@example.com', password: PASSWORD, repassword: PASSWORD }
    for (const correction of [{}, { username: `person ${person}` }, { password: 'anna' }]) {
      const page = await visitor.send(await visitor.open('/signup/'), { ...wanted, ...correction })
      assert.is(page.status, 406)
    }
    const page = await visitor.signUp(`person ${person}`)
    assert.is(page.status, 303)
    usual.clock.advance(MINUTE)
  }
  await usual.close()
})

test.run()
