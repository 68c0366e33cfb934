import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { adminOf } from '../../support/admin.js'
import { callGatehouse } from '../../support/calling.js'
import { Site, type Visitor } from '../../support/helpers.js'

const test = suite('admin/invitations')
const INVITED = { environment: { SIGNUP: 'invited' } }

/** An admin of a site that only invited people can join. */
async function siteWithAdmin(htmx = false) {
  const open = await Site.start()
  const admin = await adminOf(open, 'Anna', { htmx })
  await open.allSent()
  await open.write('delete from mails')
  await open.close()
  const site = await Site.start({ ...INVITED, database: open.database })
  const visitor = site.visitor({ htmx })
  visitor.agent.jar = admin.visitor.agent.jar
  return { site, visitor, id: admin.id }
}

async function invite(visitor: Visitor, email: string) {
  const page = await visitor.open('/admin/invitations/')
  return visitor.send(page, { email }, '/admin/invitations/verify/')
}

const actions = (site: Site) =>
  site.rows('select kind, about, actor, actor_name, user_id from operator_actions order by id')

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: an address is invited, then withdrawn, each once and with an entry of the admin`, async () => {
    const { site, visitor, id } = await siteWithAdmin(htmx)
    const back = htmx ? 'hx-redirect' : 'location'
    const page = await visitor.open('/admin/invitations/')
    assert.match(page.$('main').text(), 'None.')
    const typed = { email: ' Bert@Example.com ' }
    for (const response of [
      await visitor.send(page, typed, '/admin/invitations/verify/'),
      await visitor.send(page, typed, '/admin/invitations/verify/'),
    ])
      assert.is(response.headers[back], '/admin/invitations/', response.text)
    const mail = await site.mail('Bert@Example.com')
    const list = await visitor.open('/admin/invitations/')
    assert.match(list.messages().join(), 'An email with a link to sign up is on its way to Bert@Example.com.')
    assert.is(list.$('.rows > li').length, 1)
    assert.match(list.$('.rows').text(), 'Bert@Example.com')
    assert.match(list.$('.rows').text(), 'Anna')

    const withdraw = () => visitor.send(list, {}, '/admin/invitations/withdraw/')
    assert.is((await withdraw()).headers[back], '/admin/invitations/')
    assert.match((await visitor.open('/admin/invitations/')).messages().join(), 'no longer works')
    await withdraw()
    assert.match((await visitor.open('/admin/invitations/')).messages().join(), 'There is no open invitation')
    const bert = site.visitor()
    assert.is((await bert.open(mail.link)).headers.location, '/signup/')
    assert.is((await bert.open('/signup/')).headers.location, '/signup/invitation/')
    const by = { about: 'Bert@Example.com', actor: `admin:${id}`, actor_name: 'Anna', user_id: '' }
    assert.equal(await actions(site), [
      { kind: 'user_invited', ...by },
      { kind: 'invitation_withdrawn', ...by },
    ])
    const log = await visitor.open('/admin/activity/')
    assert.equal(
      log
        .$('.rows h2')
        .toArray()
        .map((row) => log.$(row).text().trim()),
      ['Invitation withdrawn: Bert@Example.com', 'Invitation sent: Bert@Example.com'],
    )
    await site.close()
  })
}

test('an address that cannot be invited gets an error at the field, and no email', async () => {
  const { site, visitor } = await siteWithAdmin()
  const taken = await invite(visitor, 'anna@example.com')
  assert.is(taken.status, 406)
  assert.match(taken.fieldError('email'), 'There is already an account')
  assert.is(taken.value('email'), 'anna@example.com')
  assert.is((await invite(visitor, 'x')).status, 406)
  assert.equal(await actions(site), [])
  await site.close()
})

test('commands list, invite and withdraw like the page, sorted by address', async () => {
  const { site, visitor } = await siteWithAdmin()
  const call = (...args: string[]) =>
    callGatehouse(args, {
      database: site.database,
      settings: { SIGNUP: 'invited' },
    })
  const none = await call('invitations')
  assert.is(none.stdout + none.stderr, 'No invitations are open.\n')
  await invite(visitor, 'zoe@example.com')
  site.clock.time = Date.now()
  assert.is((await call('users', 'invite', 'bela@example.com')).code, 0)
  const rows = JSON.parse((await call('invitations', '--json')).stdout)
  assert.equal(
    rows.map(({ email, by }: Record<string, string>) => `${email} ${by?.split(':')[0]}`),
    ['bela@example.com cli'],
    'that of the admin expired in 2026-01',
  )
  const done = await call('invitations', 'withdraw', 'BELA@example.com')
  assert.is(done.stdout, 'The invitation for BELA@example.com no longer works.\n')
  assert.match((await call('invitations', 'withdraw', 'bela@example.com')).stderr, 'There is no invitation')
  const kinds = await site.rows<{ kind: string }>(
    "select kind from operator_actions where actor like 'cli:%' order by id",
  )
  assert.equal(
    kinds.map(({ kind }) => kind),
    ['user_invited', 'invitation_withdrawn'],
  )
  await site.close()
})

test('60 invitations are two pages', async () => {
  const { site, visitor } = await siteWithAdmin()
  const values = Array.from({ length: 60 }, (_, index) => {
    const email = `guest${String(index).padStart(2, '0')}@example.com`
    return `('h${index}', '${email}', '${email}', 'host', 1, 9000000000000)`
  })
  await site.write(
    `insert into invitations (hash, email, email_key, invited_by, created_at, expires_at) values ${values.join()}`,
  )
  const first = await visitor.open('/admin/invitations/')
  const next = await visitor.open(first.$('main nav a').attr('href') ?? '')
  assert.equal([first.$('.rows > li').length, next.$('.rows > li').length], [50, 10])
  assert.match(next.$('.rows h2').first().text(), 'guest50@example.com')
  await site.close()
})

for (const [mode, sentence] of [
  ['open', 'Everyone can sign up here'],
  ['closed', 'Nobody can sign up here'],
] as const) {
  test(`if sign-up is ${mode}, the page says so and invites nobody`, async () => {
    const { site: before, visitor: earlier } = await siteWithAdmin()
    await before.close()
    const site = await Site.start({ environment: { SIGNUP: mode }, database: before.database })
    const visitor = site.visitor()
    visitor.agent.jar = earlier.agent.jar
    const page = await visitor.open('/admin/invitations/')
    assert.match(page.$('main').text(), sentence)
    assert.is(page.$('#email').length, 0)
    assert.is((await visitor.post('/admin/invitations/verify/', 'email=x@example.com')).status, 404)
    await site.close()
  })
}

test('without a CSRF token or without the role nothing happens', async () => {
  const { site, visitor } = await siteWithAdmin()
  assert.is((await visitor.post('/admin/invitations/verify/', 'email=x@example.com')).status, 403)
  assert.is((await visitor.post('/admin/invitations/withdraw/', 'invited=x@example.com')).status, 403)
  await site.write("update users set roles = 'editor'")
  assert.is((await visitor.open('/admin/invitations/')).status, 404)
  assert.is((await invite(visitor, 'x@example.com').catch(() => undefined))?.status ?? 404, 404)
  assert.equal(await site.rows('select hash from invitations'), [])
  await site.close()
})

test.run()
