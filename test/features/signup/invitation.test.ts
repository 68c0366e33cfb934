import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AccountEvent } from '../../../src/index.js'
import { Mailbox } from '../../../src/testing.js'
import { callGatehouse } from '../../support/calling.js'
import { rows } from '../../support/databases.js'
import { PASSWORD, Site, until, Visitor } from '../../support/helpers.js'
import { Host } from '../../support/host.js'

const DAY = 24 * 60 * 60 * 1000

const test = suite('signup/invitation')

interface Invited {
  host: Host
  mailbox: Mailbox
  told: AccountEvent[]
}

async function start(options = {}): Promise<Invited> {
  const mailbox = new Mailbox()
  const told: AccountEvent[] = []
  const host = await Host.start({
    mail: mailbox,
    baseUrl: 'http://localhost',
    signup: 'invited',
    onEvent: (event) => void told.push(event),
    ...options,
  })
  return { host, mailbox, told }
}

let site: Invited
test.before.each(async () => {
  site = await start()
})
test.after.each(() => site.host.close())

async function linkFor(email: string, { host, mailbox } = site): Promise<string> {
  assert.equal(await host.gatehouse.accounts.invite(email), [])
  const [mail] = await mailbox.waitFor(email)
  const [link = ''] = mail?.links ?? []
  mailbox.empty()
  return link
}

const typedBy = (username: string) => ({ username, password: PASSWORD, repassword: PASSWORD })

async function opened(link: string, { htmx = false } = {}): Promise<Visitor> {
  const visitor = new Visitor(site.host.server, { htmx })
  assert.is((await visitor.open(link)).headers.location, '/members/signup/')
  return visitor
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: the link leads to the form, and the address counts as confirmed`, async () => {
    const visitor = await opened(await linkFor('Anna@example.com'), { htmx })
    const form = await visitor.open('/members/signup/')
    const email = form.$('input[name=email]')
    assert.equal([email.val(), email.attr('readonly')], ['Anna@example.com', 'readonly'])
    const refused = await visitor.send(form, { ...typedBy('Anna'), repassword: 'other' })
    assert.is(refused.$('input[name=email]').attr('readonly'), 'readonly')
    await visitor.send(await visitor.open('/members/signup/'), {
      ...typedBy('Anna'),
      email: 'mallory@example.com',
    })
    const user = await site.host.gatehouse.accounts.byName('Anna')
    assert.is(user?.email, 'Anna@example.com')
    assert.ok(user?.emailConfirmedAt)
    assert.equal(site.mailbox.mails('mallory@example.com'), [])
    assert.equal(site.mailbox.mails('Anna@example.com'), [], 'no confirmation is needed')
  })
}

test('the form does not contain the token, and the link’s page keeps it out of the browser history', async () => {
  const link = await linkFor('anna@example.com')
  const visitor = await opened(link)
  const [token = ''] = /[\w-]{43}/.exec(link) ?? []
  assert.is(token.length, 43)
  assert.not.ok((await visitor.open('/members/signup/')).text.includes(token))
})

test('a link works once, even for two people at the same time', async () => {
  const link = await linkFor('anna@example.com')
  const responses = await Promise.all(
    ['Anna', 'Bela'].map(async (name) => {
      const visitor = await opened(link)
      return visitor.send(await visitor.open('/members/signup/'), typedBy(name))
    }),
  )
  assert.equal(responses.map(({ status }) => status).sort(), [303, 406])
  const { users } = await site.host.gatehouse.accounts.list()
  assert.is(users.length, 1)
  const late = await opened(link)
  assert.is((await late.open('/members/signup/')).headers.location, '/members/signup/invitation/')
  assert.match((await late.open('/members/signup/invitation/')).text, 'has expired or was already used')
})

test('a form submitted twice creates one account, and says so twice', async () => {
  const visitor = await opened(await linkFor('anna@example.com'))
  const form = await visitor.open('/members/signup/')
  const typed = { ...typedBy('Anna'), email: 'anna@example.com' }
  const responses = [await visitor.send(form, typed), await visitor.send(form, typed)]
  assert.equal(
    responses.map(({ headers }) => headers.location),
    ['/', '/'],
  )
  assert.is((await site.host.gatehouse.accounts.list()).users.length, 1)
})

test('nobody else can sign up, and the page says who can', async () => {
  const visitor = site.host.visitor()
  assert.is((await visitor.open('/members/login/')).$('a[href="/members/signup/"]').length, 0)
  assert.is((await visitor.open('/members/signup/')).headers.location, '/members/signup/invitation/')
  const page = await visitor.open('/members/signup/invitation/')
  assert.is(page.status, 200)
  assert.match(page.text, 'Only people who are invited can sign up here.')
  assert.not.match(page.text, 'expired')
  const form = await (await opened(await linkFor('anna@example.com'))).open('/members/signup/')
  const sent = await visitor.send(form, { ...typedBy('Bela'), email: 'bela@example.com' })
  assert.is(sent.status, 403)
  await opened('/members/signup/invitation/none/')
  assert.equal((await site.host.gatehouse.accounts.list()).users, [])
})

test('a link expires after 7 days, and is then deleted', async () => {
  const visitor = await opened(await linkFor('anna@example.com'))
  const form = await visitor.open('/members/signup/')
  site.host.clock.advance(7 * DAY)
  const late = await visitor.send(form, typedBy('Anna'))
  assert.ok(late.status >= 400, `${late.status}`)
  assert.is((await visitor.open('/members/signup/')).headers.location, '/members/signup/invitation/')
  const later = await start({ database: site.host.database, now: site.host.clock.now })
  await until(
    async () => (await rows(site.host.database, 'select 1 from invitations')).length === 0,
    'it is swept',
  )
  await later.host.close()
})

test('another invitation invalidates the earlier link, and a sign-up all links', async () => {
  const first = await linkFor('anna@example.com')
  const second = await linkFor('anna@example.com')
  const tooLate = await opened(first)
  assert.is((await tooLate.open('/members/signup/')).headers.location, '/members/signup/invitation/')
  const visitor = await opened(second)
  const form = await visitor.open('/members/signup/')
  const { accounts } = site.host.gatehouse
  await accounts.create({ name: 'Bela', email: 'anna@example.com', password: PASSWORD, confirmed: true })
  const response = await visitor.send(form, typedBy('Anna'))
  assert.match(response.text, 'There is already an account with this email address.')
  const errors = await accounts.invite('anna@example.com')
  assert.equal(
    errors.map(({ code }) => code),
    ['email_taken'],
  )
})

test('an invitation is reported with who invited, and mistyped addresses are refused', async () => {
  const { accounts } = site.host.gatehouse
  const by = { by: 'admin:7', language: 'de' } as const
  assert.equal(
    (await accounts.invite('x', by)).map(({ code }) => code),
    ['email_invalid'],
  )
  assert.equal(await accounts.invite('anna@example.com', by), [])
  const [mail] = await site.mailbox.waitFor('anna@example.com')
  assert.match(mail?.subject ?? '', 'Einladung zu')
  await until(() => site.told.length > 0, 'it is reported')
  assert.equal(
    site.told.map(({ kind, by: actor, about, userId }) => ({ kind, actor, about, userId })),
    [{ kind: 'user_invited', actor: 'admin:7', about: 'anna@example.com', userId: '' }],
  )
})

test('if sign-up is open, nobody is invited', async () => {
  const open = await start({ signup: 'open' })
  const { accounts } = open.host.gatehouse
  assert.match(await accounts.invite('anna@example.com').then(String, String), "signup: 'invited'")
  assert.is((await open.host.visitor().open('/members/signup/invitation/')).status, 404)
  await open.host.close()
})

test('gatehouse users invite sends the email of a site with SIGNUP=invited', async () => {
  const runnable = await Site.start({ environment: { SIGNUP: 'invited' } })
  const settings = { SIGNUP: 'invited' }
  const done = await callGatehouse(['users', 'invite', 'anna@example.com'], {
    database: runnable.database,
    settings,
  })
  assert.is(done.code, 0, done.stderr)
  assert.match(done.stdout, /^Invited anna@example\.com\. An email with a link to sign up is on its way\.$/m)
  assert.equal(await runnable.rows('select kind, state from mails'), [
    { kind: 'invitation', state: 'waiting' },
  ])
  assert.equal(await runnable.rows('select email, invited_by from invitations'), [
    { email: 'anna@example.com', invited_by: 'cli:users invite' },
  ])
  const again = await callGatehouse(['users', 'invite'], { database: runnable.database, settings })
  assert.is(again.code, 2)
  await runnable.close()
})

test.run()
