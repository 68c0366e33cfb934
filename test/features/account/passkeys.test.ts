import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Page, Site, type Visitor } from '../../support/helpers.js'
import { sentTwice, shownMessage } from '../../support/lost-response.js'
import { addPasskey, Device, optionsOn, useToLogIn } from '../../support/passkey.js'
import { reopen, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/passkeys')
const PAGE = '/account/passkeys/'
const ICLOUD = 'dd4ec289-e01d-41c9-bb89-70fa845d4bf2'
let site: Site

test.before(async () => {
  site = await Site.start({ host: 'localhost' })
})
test.after(() => site.close())

interface Row {
  id: string
  name: string
  rp_id: string
  counter: number
  public_key: string
}

const rowsOf = (name: string) =>
  site.rows<Row>(
    `select passkeys.* from passkeys join users on users.id = user_id where users.name = ?
     order by passkeys.created_at, passkeys.id`,
    name,
  )

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a passkey is created, named and removed, each with an event`, async () => {
    const name = `Creator ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const added = await addPasskey(site, visitor, new Device(ICLOUD))
    assert.is(added.status, htmx ? 200 : 303, added.text)
    const [row] = await rowsOf(name)
    assert.is(row?.name, 'iCloud Keychain')
    assert.is(row?.rp_id, 'localhost')
    const page = await visitor.open(PAGE)
    assert.is(page.$('.rows h2').text(), 'iCloud Keychain')

    const action = `${PAGE}${row?.id}/`
    const long = await visitor.send(page, { name: 'x'.repeat(41) }, `${action}name/`)
    assert.is(long.status, 406)
    assert.match(long.fieldError(`name-${row?.id}`), 'Name must be 40 characters or fewer.')
    await visitor.send(page, { name: 'Phone' }, `${action}name/`)
    await visitor.send(page, { name: 'Phone' }, `${action}name/`)
    assert.is((await rowsOf(name))[0]?.name, 'Phone')

    const other = site.visitor()
    await other.logIn(name)
    const removed = await visitor.send(await visitor.open(PAGE), {}, `${action}remove/`)
    assert.is(removed.status, htmx ? 200 : 303, removed.text)
    assert.equal(await rowsOf(name), [])
    assert.is((await other.open('/account/')).status, 303, 'other devices are logged out')
    assert.is((await visitor.open('/account/')).status, 200)
    const activity = (await visitor.open('/account/activity/')).text
    for (const event of [
      'Passkey created: ',
      'Passkey renamed: ',
      'Passkey removed, all other devices logged out: ',
    ])
      assert.match(activity, event.slice(0, -2))
    assert.is(activity.split('Passkey renamed').length - 1, 1, 'a form submitted again causes no event')
  })
}

for (const htmx of [false, true]) {
  test(`${htmx ? 'htmx' : 'plain'}: a removal submitted again after a lost response keeps the session`, async () => {
    const name = `Repeater ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    await addPasskey(site, visitor, new Device(ICLOUD))
    const [row] = await rowsOf(name)
    const action = `${PAGE}${row?.id}/remove/`
    const again = await sentTwice(site, visitor, await visitor.open(PAGE), {}, { action })
    assert.match(await shownMessage(visitor, again), 'The passkey no longer opens your account')
    site.clock.advance(180_000)
    assert.is((await visitor.open('/account/')).status, 200)
  })
}

test('creating and removing a passkey is emailed', async () => {
  const visitor = await settled(site, 'Mailed')
  await site.emptyMailbox()
  await addPasskey(site, visitor, new Device(ICLOUD))
  const added = await site.mail('Mailed@example.com')
  assert.is(added.subject, 'A passkey was added to your Gatehouse account')
  assert.match(added.text, 'Passkey: iCloud Keychain')
  assert.is(added.link, PAGE)
  await site.emptyMailbox()
  const [row] = await rowsOf('Mailed')
  await visitor.send(await visitor.open(PAGE), {}, `${PAGE}${row?.id}/remove/`)
  assert.is(
    (await site.mail('Mailed@example.com')).subject,
    'A passkey was removed from your Gatehouse account',
  )
})

test('creating one needs a recent password, and with two-step verification a code', async () => {
  const visitor = await settled(site, 'Recent')
  const early = await visitor.open(PAGE)
  const { secret } = await turnOn(site, visitor)
  site.clock.advance(600_000)
  const late = await visitor.send(
    early,
    { credential: new Device().create(early, { origin: site.address }) },
    `${PAGE}verify/`,
  )
  assert.is(late.status, 403)
  assert.equal(await rowsOf('Recent'), [])
  const page = await visitor.open(PAGE)
  assert.equal(optionsOn(page), {})
  assert.is(page.$('[data-passkey-part] a').attr('href'), `${PAGE}new/`)
  const again = await reopen(site, visitor, `${PAGE}new/`, secret)
  const device = new Device()
  await visitor.send(again, { credential: device.create(again, { origin: site.address }) }, `${PAGE}verify/`)
  assert.is((await rowsOf('Recent')).length, 1)
})

test('a challenge creates one passkey, in its own session, within 30 minutes', async () => {
  const visitor = await site.visitor().settle('Once')
  const page = await visitor.open(PAGE)
  const first = new Device().create(page, { origin: site.address })
  await visitor.send(page, { credential: first }, `${PAGE}verify/`)
  const again = await visitor.send(
    page,
    { credential: new Device().create(page, { origin: site.address }) },
    `${PAGE}verify/`,
  )
  assert.is(again.status, 403)
  assert.equal(again.messages().length, 1)
  assert.is((await rowsOf('Once')).length, 1)

  const other = site.visitor()
  await other.logIn('Once')
  const foreign = await other.open(PAGE)
  const ofOther = new Device().create(await visitor.open(PAGE), { origin: site.address })
  assert.is((await other.send(foreign, { credential: ofOther }, `${PAGE}verify/`)).status, 403)
  assert.is((await rowsOf('Once')).length, 1)
})

test('a wrong response creates no passkey and gets one message', async () => {
  const visitor = await site.visitor().settle('Wrong')
  const bad = [
    { clientData: { crossOrigin: true } },
    { clientData: { topOrigin: 'https://example.com' } },
    { clientData: { type: 'webauthn.get' } },
    { origin: 'https://example.com' },
    { origin: site.address.replace('localhost', '127.0.0.1') },
  ]
  for (const ceremony of bad) {
    const refused = await addPasskey(site, visitor, new Device(), ceremony)
    assert.is(refused.status, 406, JSON.stringify(ceremony))
    assert.equal(refused.messages(), ['⚠ The passkey did not work. Try again, or use another way.'])
  }
  for (const credential of ['', '{', 'null', 'x'.repeat(16_385), '{"id":1}']) {
    const page = await visitor.open(PAGE)
    assert.is((await visitor.send(page, { credential }, `${PAGE}verify/`)).status, 406)
  }
  assert.equal(await rowsOf('Wrong'), [])
})

test('canceling is not an error', async () => {
  const visitor = await site.visitor().settle('Hesitant')
  const page = await visitor.open(PAGE)
  const response = await visitor.send(page, { credential: 'error NotAllowedError' }, `${PAGE}verify/`)
  assert.is(response.status, 406)
  assert.equal(response.messages(), [])
  assert.match(response.$('#messages').text(), 'No passkey was created.')
  assert.not.match(response.title, 'Error')
  const exists = await visitor.send(page, { credential: 'error InvalidStateError' }, `${PAGE}verify/`)
  assert.equal(exists.messages(), ['⚠ This device already has a passkey for your account.'])
})

test('a passkey belongs to one account, and an account has 20 at most', async () => {
  const wide = await Site.start({ host: 'localhost', environment: { LIMIT_PASSKEY_CHANGE: '100/1h' } })
  const anna = await wide.visitor().settle('Anna')
  const otto = await wide.visitor().settle('Otto')
  const device = new Device()
  await addPasskey(wide, anna, device)
  assert.is((await addPasskey(wide, otto, device)).status, 406)
  for (let count = 2; count <= 20; count++) await addPasskey(wide, anna, new Device())
  const refused = await addPasskey(wide, anna, new Device())
  assert.equal(refused.messages(), [
    '⚠ You have 20 passkeys. Remove one that you no longer use, then create a new one.',
  ])
  const names = await wide.rows<{ name: string }>('select name from passkeys')
  assert.is(new Set(names.map(({ name }) => name)).size, 20)
  await wide.close()
})

test('the last way to log in to an account cannot be removed', async () => {
  const visitor = await site.visitor().settle('Lonely')
  await addPasskey(site, visitor, new Device())
  await site.write("update users set password_hash = '' where name = 'Lonely'")
  const [row] = await rowsOf('Lonely')
  const refused = await visitor.send(await visitor.open(PAGE), {}, `${PAGE}${row?.id}/remove/`)
  assert.is(refused.status, 403)
  assert.match(refused.messages().join(), 'This passkey is the only way into your account')
  assert.is((await rowsOf('Lonely')).length, 1)
})

test('another user’s passkeys can be neither named nor removed', async () => {
  const owner = await site.visitor().settle('Owner')
  await addPasskey(site, owner, new Device(ICLOUD))
  const stranger = await site.visitor().settle('Stranger')
  await addPasskey(site, stranger, new Device())
  const [row] = await rowsOf('Owner')
  const [own] = await rowsOf('Stranger')
  const page = await stranger.open(PAGE)
  const body = new URLSearchParams(page.$(`form[action="${PAGE}${own?.id}/remove/"]`).serialize()).toString()
  await stranger.post(`${PAGE}${row?.id}/remove/`, body)
  await stranger.post(`${PAGE}${row?.id}/name/`, `${body}&name=Mine`)
  assert.is((await rowsOf('Owner'))[0]?.name, 'iCloud Keychain')
})

test('the export has passkeys without keys, and they are deleted with the account', async () => {
  const visitor = await site.visitor().settle('Exported')
  await addPasskey(site, visitor, new Device(ICLOUD), { isSynced: true })
  const [row] = await rowsOf('Exported')
  const json = (await visitor.open('/account/export/json/')).text
  const { passkeys } = JSON.parse(json)
  assert.equal(Object.keys(passkeys[0]), [
    'name',
    'authenticator',
    'rpId',
    'isBackedUp',
    'createdAt',
    'usedAt',
  ])
  assert.not.match(json, row?.public_key ?? '')
  assert.match((await visitor.open('/account/export/')).text, 'iCloud Keychain')
  await site.write("delete from users where name = 'Exported'")
  assert.equal(await site.rows('select 1 from passkeys where id = ?', row?.id), [])
})

test('at an IP address passkeys are not offered, and in development there is a link to localhost', async () => {
  const elsewhere = await Site.start({ development: true })
  const visitor = await elsewhere.visitor().settle('Anna')
  const page = await visitor.open(PAGE)
  assert.equal(optionsOn(page), {})
  assert.is(
    page.$('#passkeys a').attr('href'),
    `${elsewhere.address.replace('127.0.0.1', 'localhost')}${PAGE}`,
  )
  assert.not.match((await elsewhere.visitor().open('/login/')).text, 'passkey')
  await elsewhere.close()
})

test('with the feature off no page mentions passkeys', async () => {
  const off = await Site.start({ host: 'localhost', features: { 'account/passkeys': false } })
  const visitor = await off.visitor().settle('Anna')
  assert.is((await visitor.open(PAGE)).status, 404)
  assert.not.match((await visitor.open('/account/')).text, 'Passkeys')
  assert.not.match((await off.visitor().open('/login/')).text, 'passkey')
  await off.close()
})

test('without a passkey the page says so, and its options hide the username', async () => {
  const visitor = await site.visitor().settle('Novice')
  const page = await visitor.open(PAGE)
  assert.match(page.text, 'You have no passkey yet.')
  const { create } = optionsOn(page)
  assert.is(Buffer.from(create.user.id, 'base64url').toString().length, 36)
  assert.not.match(Buffer.from(create.user.id, 'base64url').toString(), /novice/i)
})

test('the browser is told which passkeys exist, and that none do only once the last is removed', async () => {
  const visitor = await site.visitor({ htmx: true }).settle('Signaled')
  const signalOn = (page: Page) => page.$('[data-signal]').attr('data-signal')
  const devices = [new Device(), new Device()]
  assert.is(signalOn(await visitor.open(PAGE)), undefined)
  for (const device of devices) await addPasskey(site, visitor, device)
  const ids = (await rowsOf('Signaled')).map(({ id }) => id)
  const [user] = await site.rows<{ id: string }>("select id from users where name = 'Signaled'")
  const userId = Buffer.from(user?.id ?? '').toString('base64url')
  const toldOf = (...allAcceptedCredentialIds: string[]) => [
    ['signalAllAcceptedCredentials', { rpId: 'localhost', userId, allAcceptedCredentialIds }],
    ['signalCurrentUserDetails', { rpId: 'localhost', userId, name: 'Signaled', displayName: 'Signaled' }],
  ]
  const [first = '', second = ''] = ids
  const page = await visitor.open(PAGE)
  assert.equal(JSON.parse(signalOn(page) ?? ''), toldOf(first, second))
  const one = await visitor.send(page, {}, `${PAGE}${first}/remove/`)
  assert.equal(JSON.parse(signalOn(one) ?? ''), toldOf(second))
  await site.write(`update passkeys set rp_id = 'example.com' where id = '${second}'`)
  assert.is(signalOn(await visitor.open(PAGE)), undefined, 'a passkey of another domain')
  const none = await visitor.send(await visitor.open(PAGE), {}, `${PAGE}${second}/remove/`)
  assert.equal(JSON.parse(signalOn(none) ?? ''), toldOf())
  assert.is(signalOn(await visitor.open(PAGE)), undefined)
})

async function reset(visitor: Visitor, username: string): Promise<Page> {
  await visitor.send(await visitor.open('/password/forgot/'), { username })
  const mail = await site.mailThat(`${username}@example.com`, ({ link }) => link.includes('/password/reset/'))
  const passwords = { password: 'another horse 43', repassword: 'another horse 43' }
  return visitor.send(await visitor.follow(mail), passwords)
}

test('a password reset keeps the passkeys of a confirmed address, and says so', async () => {
  await addPasskey(site, await settled(site, 'Forgetful'), new Device())
  const visitor = site.visitor()
  await reset(visitor, 'Forgetful')
  assert.match((await visitor.open('/login/')).messages().join(), 'Your passkeys still work')
  await site.mailThat('Forgetful@example.com', ({ text }) =>
    text.includes('Your passkeys still open your account.'),
  )
  assert.is((await rowsOf('Forgetful')).length, 1)
})

test('the owner of an unconfirmed address gets the account without passkeys of others', async () => {
  const thief = await site.visitor().settle('Victim')
  const device = new Device()
  await addPasskey(site, thief, device)
  const owner = site.visitor()
  await reset(owner, 'Victim')
  await site.mailThat('Victim@example.com', ({ text }) =>
    text.includes('All passkeys for your account were removed'),
  )
  assert.equal(await rowsOf('Victim'), [])
  assert.is((await useToLogIn(site, thief, device)).status, 406)
  assert.is((await thief.open('/account/')).status, 303)
})

test.run()
