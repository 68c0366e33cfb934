import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('account/devices')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '100/1h' } })
})
test.after(() => site.close())

const PATH = '/account/devices/'
const DAY = 24 * 60 * 60 * 1000
/** How long a login is recent. */
const RECENT = 10 * 60 * 1000

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'

/** Logs in with a browser of this User-Agent. */
async function onDevice(name: string, userAgent: string, options: { htmx?: boolean } = {}): Promise<Visitor> {
  const visitor = site.visitor(options)
  visitor.agent.set('User-Agent', userAgent)
  await visitor.logIn(name)
  return visitor
}

function titles({ $ }: Page): string[] {
  return $('.rows h2')
    .toArray()
    .map((title) => $(title).text().trim())
}

/** Returns the id of the row with this title. */
function idOf({ $, text }: Page, title: string): string {
  const row = $('.rows > li').filter((_, item) => $(item).find('h2').text().trim() === title)
  const id = row.attr('id')?.slice('device-'.length)
  if (id === undefined) throw new Error(`There is no device ${title}:\n${text}`)
  return id
}

function revokePath(page: Page, title: string): string {
  return `${PATH}${idOf(page, title)}/revoke/`
}

function namePath(page: Page, title: string): string {
  return `${PATH}${idOf(page, title)}/name/`
}

/** Returns the page that the visitor sees: htmx's response, or the one after the redirect. */
async function seen(visitor: Visitor, response: Page): Promise<Page> {
  assert.is(response.status, visitor.htmx ? 200 : 303, response.text)
  return visitor.htmx ? response : visitor.open(response.headers.location ?? '')
}

async function isLoggedIn(visitor: Visitor): Promise<boolean> {
  return (await visitor.open(PATH)).status === 200
}

async function kinds(name: string): Promise<string[]> {
  const rows = await site.rows<{ kind: string }>(
    'select kind from events join users on users.id = user_id where name = ? order by events.id',
    name,
  )
  return rows.map(({ kind }) => kind)
}

test('a visitor must log in first, and comes back', async () => {
  const page = await site.visitor().open(PATH)
  assert.is(page.status, 303)
  assert.is(page.headers.location, '/login/?next=%2Faccount%2Fdevices%2F')
})

test('this device comes first, then the last used ones, with IP address and times', async () => {
  await site.visitor().signUp('Lister')
  await onDevice('Lister', IPHONE)
  site.clock.advance(3 * 60_000)
  await onDevice('Lister', 'curl/8.5.0')
  site.clock.advance(3 * 60_000)
  const visitor = await onDevice('Lister', FIREFOX)
  site.clock.advance(3 * 60_000)
  await onDevice('Lister', '')
  site.clock.advance(2 * 60 * 60_000)
  const page = await visitor.open(PATH)
  assert.equal(titles(page), ['Firefox on Linux', 'Unknown device', 'curl', 'Safari on iPhone'])
  const rows = page
    .$('.rows > li')
    .toArray()
    .map((row) => page.$(row).text())
  assert.match(rows[0] ?? '', 'This device')
  for (const row of rows.slice(1)) assert.not.match(row, 'This device')
  for (const row of rows) assert.match(row, '127.0.0.1')
  const [last, first] = page.$('.rows > li:last-child time').toArray()
  assert.is(page.$(last).text(), '2 hours ago')
  const time = site.clock.now() - 2 * 60 * 60_000 - 9 * 60_000
  assert.is(page.$(first).attr('datetime'), new Date(time).toISOString())
  assert.match(page.$(first).attr('title') ?? '', /\d{4} at \d+:\d\d:\d\d.*UTC/)
})

test('buttons and fields name their device, even if two have the same name', async () => {
  await site.visitor().signUp('Twice')
  await onDevice('Twice', FIREFOX)
  site.clock.advance(60_000)
  const page = await (await onDevice('Twice', FIREFOX)).open(PATH)
  assert.equal(titles(page), ['Firefox on Linux (2)', 'Firefox on Linux'])
  const names = page
    .$('.rows :is(button, label)')
    .toArray()
    .map((element) => page.$(element).text().replaceAll(/\s+/g, ' '))
  assert.equal(names.slice(3), [
    'Name Firefox on Linux',
    'Save the name of Firefox on Linux',
    'Log out Firefox on Linux',
  ])
  assert.is(new Set(names).size, names.length, names.join())
})

test('a device named like another one gets a number', async () => {
  await site.visitor().signUp('Namesake')
  await onDevice('Namesake', FIREFOX)
  site.clock.advance(60_000)
  const visitor = await onDevice('Namesake', IPHONE)
  const list = await visitor.open(PATH)
  await visitor.send(list, { name: 'firefox on linux' }, namePath(list, 'Safari on iPhone'))
  assert.equal(titles(await visitor.open(PATH)), ['firefox on linux (2)', 'Firefox on Linux'])
})

test('a name typed for this device before a logout comes back after the login', async () => {
  const visitor = await site.visitor().settle('Namer')
  await onDevice('Namer', IPHONE)
  const list = await visitor.open(PATH)
  await visitor.send(await visitor.open('/logout/'))
  const path = list.$('.rows form[action$="/name/"]').first().attr('action')
  visitor.agent.set('Referer', `${site.address}${PATH}`)
  const refused = await visitor.send(list, { name: 'My desk' }, path)
  assert.is(refused.status, 403)
  await visitor.logIn('Namer')
  const back = await visitor.open(PATH)
  assert.match(back.messages().join(), 'Here is what you typed')
  assert.is(back.$('.rows [name=name]').first().attr('value'), 'My desk')
  assert.is(back.$('.rows [name=name]').last().attr('value'), undefined)
})

test('the activity lists which device was named or logged out, and from where', async () => {
  await site.visitor().signUp('Teller')
  await onDevice('Teller', IPHONE)
  site.clock.advance(60_000)
  const visitor = await onDevice('Teller', FIREFOX)
  const list = await visitor.open(PATH)
  await visitor.send(list, { name: 'Old phone' }, namePath(list, 'Safari on iPhone'))
  await visitor.send(list, {}, revokePath(list, 'Safari on iPhone'))
  const activity = await visitor.open('/account/activity/')
  const told = activity
    .$('.rows h2')
    .toArray()
    .map((title) => activity.$(title).text())
  assert.equal(told.slice(0, 2), ['Another device logged out: Old phone', 'Device named: Old phone'])
  assert.match(activity.$('.rows > li').first().text(), 'Firefox on Linux')
})

test('only your own open sessions are listed', async () => {
  await site.visitor().settle('Neighbour')
  await site.visitor().settle('Alone')
  site.clock.advance(2 * DAY)
  const page = await (await onDevice('Alone', FIREFOX)).open(PATH)
  assert.equal(titles(page), ['Firefox on Linux'])
  assert.is(page.$(`form[action="${PATH}revoke/"]`).length, 0, 'there are no other devices to log out')
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: a device logged out in the list is logged out at its next request`, async () => {
    const name = `Owner ${htmx}`
    await site.visitor().signUp(name)
    const lost = await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    assert.ok(await isLoggedIn(lost))
    const list = await visitor.open(PATH)
    const to = revokePath(list, 'Safari on iPhone')
    const page = await seen(visitor, await visitor.send(list, {}, to))
    assert.equal(page.messages(), ['✔ The device is now logged out.'])
    assert.equal(titles(page), ['Firefox on Linux'])
    assert.is(page.$(`form[action="${PATH}revoke/"]`).length, 0)
    assert.not.ok(await isLoggedIn(lost))
    assert.ok(await isLoggedIn(visitor))
    assert.equal((await visitor.open(PATH)).messages(), [], 'the message is shown once')

    const again = await seen(visitor, await visitor.send(list, {}, to))
    assert.equal(again.messages(), ['✔ This device was already logged out.'])
    assert.equal(titles(again), ['Firefox on Linux'])
    assert.equal((await kinds(name)).slice(-2), ['logged_in', 'device_revoked'], 'one event is stored')
  })

  test(`${kind}: all other devices are logged out, and no longer known`, async () => {
    const name = `Cleaner ${htmx}`
    await site.visitor().signUp(name)
    const others = [await onDevice(name, IPHONE), await onDevice(name, 'curl/8.5.0')]
    const visitor = await onDevice(name, FIREFOX, { htmx })
    const list = await visitor.open(PATH)
    const stamp = await stampOf(name)
    const response = await visitor.send(list, {}, `${PATH}revoke/`)
    assert.ok(response.cookies.some((cookie) => cookie.startsWith('gatehouse-device=')))
    const page = await seen(visitor, response)
    assert.equal(page.messages(), ['✔ All other devices are now logged out (2).'])
    assert.equal(titles(page), ['Firefox on Linux'])
    for (const other of others) assert.not.ok(await isLoggedIn(other))
    assert.ok(await isLoggedIn(visitor))
    assert.is.not(await stampOf(name), stamp)
    assert.is((await kinds(name)).at(-1), 'devices_revoked')

    const again = await seen(visitor, await visitor.send(list, {}, `${PATH}revoke/`))
    assert.equal(again.messages(), ['✔ No other devices are logged in.'])
  })

  test(`${kind}: a device is named and renamed, and its name removed`, async () => {
    const name = `Namer ${htmx}`
    await site.visitor().signUp(name)
    await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    const list = await visitor.open(PATH)
    const to = namePath(list, 'Safari on iPhone')
    const page = await seen(visitor, await visitor.send(list, { name: '  Jose\u0301’s phone ' }, to))
    assert.equal(page.messages(), ['✔ The device is now called José’s phone.'])
    assert.equal(titles(page), ['Firefox on Linux', 'José’s phone'])
    assert.match(
      page.$('.rows > li:last-child').text(),
      'Safari on iPhone',
      'browser and system are beside it',
    )

    const emoji = '📱'.repeat(40)
    const long = await seen(visitor, await visitor.send(list, { name: emoji }, to))
    assert.equal(titles(long), ['Firefox on Linux', emoji])
    assert.is(long.$('.rows > li:last-child [name=name]').attr('value'), emoji)

    const none = await seen(visitor, await visitor.send(list, { name: '  ' }, to))
    assert.equal(none.messages(), ['✔ The name of the device has been removed.'])
    assert.equal(titles(none), ['Firefox on Linux', 'Safari on iPhone'])
    assert.equal((await kinds(name)).slice(-3), ['device_named', 'device_named', 'device_named'])
  })

  test(`${kind}: a refused name has its error in its own row`, async () => {
    const name = `Wrong ${htmx}`
    await site.visitor().signUp(name)
    await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    const list = await visitor.open(PATH)
    const id = idOf(list, 'Safari on iPhone')
    for (const [typed, error] of [
      ['x'.repeat(41), 'Name must be 40 characters or fewer.'],
      ['zero\u200bwidth', 'Name must not include invisible characters. Type it instead of pasting it.'],
      ['turned\u202eround', 'Name must not include invisible characters. Type it instead of pasting it.'],
      ['two\nlines', 'Name must not include invisible characters. Type it instead of pasting it.'],
      ['two\u2028lines', 'Name must not include invisible characters. Type it instead of pasting it.'],
    ] as const) {
      const page = await visitor.send(list, { name: typed }, `${PATH}${id}/name/`)
      assert.is(page.status, 406)
      assert.is(page.isWhole, !htmx)
      assert.equal(page.messages(), [`⚠ ${error}`])
      assert.is(page.$('.error a').attr('href'), `#name-${id}`)
      assert.is(page.fieldError(`name-${id}`), error)
      const input = page.$(`#name-${id}`)
      assert.is(input.attr('aria-invalid'), 'true')
      assert.is(input.attr('aria-describedby'), `name-${id}-error`)
      assert.is(page.$('[aria-invalid]').length, 1)
      // With htmx the input on the page keeps its value.
      assert.is(input.attr('value'), htmx ? undefined : typed)
      assert.equal(titles(page), ['Firefox on Linux', 'Safari on iPhone'])
    }
    const both = await visitor.send(list, { name: `${'x'.repeat(41)}\u200b` }, `${PATH}${id}/name/`)
    assert.equal(both.messages(), ['⚠ Name must be 40 characters or fewer.'], 'no other rule is checked')
    assert.not.ok((await kinds(name)).includes('device_named'))
  })

  test(`${kind}: logging out this device logs out here`, async () => {
    const name = `Leaver ${htmx}`
    await site.visitor().signUp(name)
    const other = await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    const list = await visitor.open(PATH)
    const response = await visitor.send(list, {}, revokePath(list, 'Firefox on Linux'))
    assert.is(response.headers[htmx ? 'hx-redirect' : 'location'], '/')
    assert.equal((await visitor.open('/')).messages(), ['✔ You are logged out.'])
    assert.not.ok(await isLoggedIn(visitor))
    assert.ok(await isLoggedIn(other))
    assert.is((await kinds(name)).at(-1), 'logged_out')
  })

  test(`${kind}: logging out others needs a recent login`, async () => {
    const name = `Stale ${htmx}`
    await site.visitor().signUp(name)
    const other = await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    visitor.agent.set('Referer', `${site.address}${PATH}`)
    let list = await visitor.open(PATH)
    for (const to of [revokePath(list, 'Safari on iPhone'), `${PATH}revoke/`]) {
      site.clock.advance(RECENT)
      const asked = await visitor.send(list, {}, to)
      assert.is(asked.status, 403, to)
      assert.is(asked.isWhole, !htmx)
      assert.match(asked.messages().join(), 'Enter your password first. Nothing has been changed yet.')
      list = await visitor.confirm(asked)
      assert.equal(titles(list), ['Firefox on Linux', 'Safari on iPhone'])
      assert.ok(await isLoggedIn(other), 'the form was not processed')
    }
    site.clock.advance(RECENT - 1)
    await seen(visitor, await visitor.send(list, {}, `${PATH}revoke/`))
    assert.not.ok(await isLoggedIn(other))
  })

  test(`${kind}: an old login can list, name and log out this device`, async () => {
    const name = `Aged ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    site.clock.advance(RECENT)
    const list = await visitor.open(PATH)
    const named = await seen(
      visitor,
      await visitor.send(list, { name: 'Desk' }, namePath(list, 'Unknown device')),
    )
    assert.equal(titles(named), ['Desk'])
    await visitor.send(list, {}, revokePath(list, 'Unknown device'))
    assert.not.ok(await isLoggedIn(visitor))
  })

  test(`${kind}: another user’s device is treated like an unknown one`, async () => {
    const victim = await site.visitor().settle(`Victim ${htmx}`)
    const foreign = idOf(await victim.open(PATH), 'Unknown device')
    const visitor = await site.visitor({ htmx }).settle(`Prowler ${htmx}`)
    const list = await visitor.open(PATH)
    const csrf = new URLSearchParams({ _csrf: list.value('_csrf') ?? '' })
    assert.is((await visitor.post(`${PATH}%00/revoke/`, csrf.toString())).status, 404)
    for (const id of [foreign, 'made-up', "'%3B--", '%E2%80%AE', 'x'.repeat(1000)]) {
      const revoked = await seen(visitor, await visitor.post(`${PATH}${id}/revoke/`, csrf.toString()))
      assert.equal(revoked.messages(), ['✔ This device was already logged out.'])
      for (const name of ['Mine', 'x'.repeat(41)]) {
        const named = await visitor.post(`${PATH}${id}/name/`, `${csrf}&name=${name}&device=${foreign}`)
        assert.is(named.status, 406)
        assert.equal(named.messages(), ['⚠ This device was already logged out. Its name was not saved.'])
        assert.equal(titles(named), ['Unknown device'])
      }
    }
    assert.ok(await isLoggedIn(victim))
    assert.equal(titles(await victim.open(PATH)), ['Unknown device'])
    assert.equal((await kinds(`Prowler ${htmx}`)).slice(-1), ['logged_in'])
  })

  test(`${kind}: an expired page keeps its input, and works when submitted again`, async () => {
    const name = `Patient ${htmx}`
    await site.visitor().signUp(name)
    await onDevice(name, IPHONE)
    const visitor = await onDevice(name, FIREFOX, { htmx })
    const list = await visitor.open(PATH)
    const to = namePath(list, 'Safari on iPhone')
    const page = await visitor.send(list, { name: 'Phone', _csrf: 'old' }, to)
    assert.is(page.status, 403)
    assert.match(page.messages().join(), 'open for too long')
    const row = page.$('.rows > li:last-child')
    assert.is(row.find('[name=name]').attr('value'), htmx ? undefined : 'Phone')
    assert.equal(titles(page), ['Firefox on Linux', 'Safari on iPhone'])
    const done = await seen(visitor, await visitor.send(page, { name: 'Phone' }, to))
    assert.equal(titles(done), ['Firefox on Linux', 'Phone'])
    const old = await visitor.send(list, { _csrf: 'old' }, to.replace('/name/', '/revoke/'))
    assert.is(old.status, 403)
    assert.is(old.$('.rows > li:last-child [name=name]').attr('value'), 'Phone')
    assert.equal(titles(old), ['Firefox on Linux', 'Phone'])
  })

  test(`${kind}: forms of an ended session are refused with a link to log in`, async () => {
    const name = `Late ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const list = await visitor.open(PATH)
    const to = namePath(list, 'Unknown device')
    const second = await onDevice(name, FIREFOX)
    await second.send(await second.open(PATH), {}, `${PATH}revoke/`)
    for (const path of [to, to.replace('/name/', '/revoke/'), `${PATH}revoke/`]) {
      const page = await visitor.post(path, 'name=Lost', { Referer: `${site.address}${PATH}` })
      assert.is(page.status, 403, path)
      assert.is(page.$('.error a').attr('href'), `/login/?next=${encodeURIComponent(PATH)}`)
    }
    assert.ok(await isLoggedIn(second))
    assert.equal(titles(await second.open(PATH)), ['Firefox on Linux'])
  })
}

test('a name sent after the session ended comes back after the login', async () => {
  await site.visitor().signUp('Ended')
  await onDevice('Ended', IPHONE)
  const visitor = await onDevice('Ended', FIREFOX)
  const list = await visitor.open(PATH)
  const own = idOf(list, 'Firefox on Linux')
  await site.write(`delete from sessions where id = '${own}'`)
  const id = idOf(list, 'Safari on iPhone')
  const body = new URLSearchParams({ name: 'Phone', device: id }).toString()
  const refused = await visitor.post(`${PATH}${id}/name/`, body, { Referer: `${site.address}${PATH}` })
  assert.is(refused.status, 403)
  const login = await visitor.open(refused.$('.error a').attr('href') ?? '')
  assert.is((await visitor.send(login, { username: 'Ended', password: PASSWORD })).headers.location, PATH)
  const back = await visitor.open(PATH)
  assert.is(back.$(`#name-${id}`).attr('value'), 'Phone')
  assert.equal(titles(back), ['Firefox on Linux', 'Safari on iPhone'], 'the form was not processed')
})

async function stampOf(name: string): Promise<string | undefined> {
  const rows = await site.rows<{ device_stamp: string }>(
    'select device_stamp from users where name = ?',
    name,
  )
  return rows[0]?.device_stamp
}

test('logging out all others leaves this browser the only known device', async () => {
  await site.visitor().signUp('Trusted')
  const lost = await onDevice('Trusted', IPHONE)
  const visitor = await onDevice('Trusted', FIREFOX)
  await visitor.send(await visitor.open(PATH), {}, `${PATH}revoke/`)
  await visitor.send(await visitor.open('/logout/'))
  // A known device has its own limit of 20 attempts, an unknown one 5.
  for (const _ of Array(6)) await visitor.logIn('Trusted', { password: 'mistyped' })
  assert.is((await visitor.logIn('Trusted')).status, 303)
  for (const _ of Array(6)) await lost.logIn('Trusted', { password: 'mistyped' })
  assert.is((await lost.logIn('Trusted')).status, 429)
})

test('a list of 60 devices is complete, and one button logs out the other 59', async () => {
  const visitor = await site.visitor().settle('Hoarder')
  const rows = Array.from({ length: 59 }, (_, index) => `h${index}`)
  const now = site.clock.now()
  for (const id of rows) {
    await site.write(
      `insert into sessions (id, token_hash, user_id, kept, login_form, user_agent, address, created_at, last_seen_at, authenticated_at, expires_at)
       select '${id}', '${id}', id, 0, '${id}', '${FIREFOX}', '127.0.0.1', ${now}, ${now}, ${now}, ${now + DAY} from users where name = 'Hoarder'`,
    )
  }
  const page = await visitor.open(PATH)
  assert.is(new Set(titles(page)).size, 60)
  assert.ok(page.text.length < 150_000, `${page.text.length}`)
  const done = await seen(visitor, await visitor.send(page, {}, `${PATH}revoke/`))
  assert.equal(done.messages(), ['✔ All other devices are now logged out (59).'])
})

test('forms without a token or from another site are refused', async () => {
  await site.visitor().signUp('Guarded')
  const other = await onDevice('Guarded', IPHONE)
  const visitor = await onDevice('Guarded', FIREFOX)
  const list = await visitor.open(PATH)
  const to = revokePath(list, 'Safari on iPhone')
  for (const path of [to, `${PATH}revoke/`]) {
    assert.is((await visitor.post(path, '')).status, 403)
    const body = new URLSearchParams({ _csrf: list.value('_csrf') ?? '' }).toString()
    assert.is((await visitor.post(path, body, { Origin: 'https://evil.example' })).status, 403)
  }
  assert.ok(await isLoggedIn(other))
})

test('the URLs of its forms lead to the list when opened, and accept only POST', async () => {
  const visitor = await site.visitor().settle('Methodical')
  for (const path of [`${PATH}revoke/`, `${PATH}x/revoke/`, `${PATH}x/name/`]) {
    const page = await visitor.open(path)
    assert.is(page.status, 303, path)
    assert.is(page.headers.location, PATH)
    assert.is((await fetch(site.address + path, { method: 'PUT' })).status, 405)
  }
  assert.is((await visitor.post(PATH, '')).status, 405)
})

test('the account page links to devices and activity, and they to each other', async () => {
  const visitor = await site.visitor().settle('Homely')
  const account = await visitor.open('/account/')
  const links = (page: Page) =>
    [PATH, '/account/activity/'].map((path) => page.$(`main a[href="${path}"]`).length)
  assert.equal(links(account), [1, 1])
  assert.equal(links(await visitor.open(PATH)), [0, 1])
  assert.equal(links(await visitor.open('/account/activity/')), [1, 0])
})

test('it works under a prefix', async () => {
  const mounted = await Site.start({ prefix: '/members' })
  const visitor = mounted.visitor()
  const signUp = await visitor.open('/members/signup/')
  const email = 'prefix@example.com'
  await visitor.send(signUp, { username: 'Prefix', email, password: PASSWORD, repassword: PASSWORD })
  await visitor.send(await visitor.open('/members/login/'), { username: 'Prefix', password: PASSWORD })
  const list = await visitor.open(`/members${PATH}`)
  const to = list.$('form[action$="/name/"]').attr('action') ?? ''
  assert.match(to, /^\/members\/account\/devices\/[\w-]+\/name\/$/)
  assert.is((await visitor.send(list, { name: 'Here' }, to)).headers.location, `/members${PATH}`)
  assert.equal(titles(await visitor.open(`/members${PATH}`)), ['Here'])
  await mounted.close()
})

test.run()
