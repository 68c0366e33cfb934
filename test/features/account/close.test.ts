import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../../../src/database/locate.js'
import { migratedDatabase, PASSWORD, type Page, Site, until, type Visitor } from '../../support/helpers.js'
import { reopen, settled, turnOn } from '../../support/second-step.js'

const test = suite('account/close')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '100/1h' } })
})
test.after(() => site.close())

const PATH = '/account/close/'
const UNDO = '/account/close/undo/'
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const CLOSED =
  '✔ Your account is closed and will be deleted in 14 days. Until then you can reopen it: log in, or use the link in the email.'
const REOPENED = '✔ Your account is open again. Nothing will be deleted. Now log in.'
const OPEN_ALREADY = '✔ Your account is open. Nothing will be deleted. You can log in.'

function addressOf(name: string): string {
  return `${name.replaceAll(' ', '20')}@example.com`
}

/** Opens the page to which the response redirects, with and without htmx. */
async function follow(visitor: Visitor, response: Page): Promise<Page> {
  assert.is(response.status, visitor.htmx ? 200 : 303, response.text)
  return visitor.open(response.headers[visitor.htmx ? 'hx-redirect' : 'location'] ?? '')
}

async function close(visitor: Visitor): Promise<Page> {
  return follow(visitor, await visitor.send(await visitor.open(PATH)))
}

/** Closes the account, and returns the link in the email. */
async function closedLink(name: string): Promise<string> {
  const visitor = await site.visitor().settle(name)
  await site.emptyMailbox()
  await close(visitor)
  return (await site.mail(addressOf(name))).link
}

/** Opens an emailed link, up to the page with the button. */
async function openUndo(visitor: Visitor, link: string): Promise<Page> {
  const opened = await visitor.open(link)
  assert.is(opened.status, 303)
  assert.is(opened.headers.location, UNDO)
  return visitor.open(UNDO)
}

async function kinds(name: string): Promise<string[]> {
  const rows = await site.rows<{ kind: string }>(
    'select kind from events join users on users.id = user_id where name = ? order by events.id',
    name,
  )
  return rows.map(({ kind }) => kind)
}

async function count(name: string, kind: string): Promise<number> {
  return (await kinds(name)).filter((one) => one === kind).length
}

async function isClosed(name: string): Promise<boolean> {
  const rows = await site.rows<{ closed_at: number | null }>(
    'select closed_at from users where name = ?',
    name,
  )
  return rows[0]?.closed_at != null
}

test('a visitor must log in first, and an old login needs the password', async () => {
  const stranger = await site.visitor().open(PATH)
  assert.is(stranger.headers.location, '/login/?next=%2Faccount%2Fclose%2F')
  const visitor = await site.visitor().settle('Careful')
  const page = await visitor.open(PATH)
  site.clock.advance(11 * MINUTE)
  assert.is((await visitor.open(PATH)).headers.location, '/password/confirm/?next=%2Faccount%2Fclose%2F')
  assert.is((await visitor.send(page)).status, 403)
  assert.not.ok(await isClosed('Careful'))
})

test('the page says what is deleted and when', async () => {
  const page = await (await site.visitor().settle('Reader')).open(PATH)
  const text = page.$('main').text()
  for (const word of [
    'Right away',
    'public page',
    'After 14 days',
    'Reader',
    'email address',
    'devices',
    'activity',
  ]) {
    assert.match(text, word)
  }
  assert.match(text, 'Reader@example.com')
  assert.is(page.$('main form button').length, 1)
  assert.not.ok(await isClosed('Reader'), 'opening the page does not close the account')
})

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: closing ends all sessions, and the username stays taken`, async () => {
    const name = `Closer ${htmx}`
    const other = await site.visitor().settle(name)
    const visitor = site.visitor({ htmx })
    const login = await visitor.logIn(name)
    const stolen = login.sessionCookie.split(';')[0] ?? ''
    await site.emptyMailbox()
    const page = await visitor.open(PATH)
    const home = await follow(visitor, await visitor.send(page))
    assert.equal(home.messages(), [CLOSED])
    assert.is(home.$('header a[href="/logout/"]').length, 0)
    assert.equal((await kinds(name)).slice(-2), ['logged_in', 'account_closed'])
    for (const each of [visitor, other]) assert.is((await each.open('/account/devices/')).status, 303)
    assert.is((await site.visitor().open('/account/devices/', { Cookie: stolen })).status, 303)
    assert.is((await site.visitor().open(`/users/closer-${htmx}/`)).status, 404)

    const mail = await site.mail(addressOf(name))
    assert.match(mail.subject, 'is closed')
    assert.match(mail.text, 'in 14 days')
    assert.ok(mail.link.startsWith(UNDO))

    const taken = await site.visitor().signUp(name)
    assert.equal(taken.messages(), [
      '⚠ This username is already taken.',
      '⚠ There is already an account with this email address.',
    ])
    assert.match(
      (await site.visitor().logIn(name, { password: 'x' })).messages().join(),
      'password is not correct',
    )
    assert.ok(await isClosed(name), 'a wrong password does not reopen it')

    const again = await follow(visitor, await visitor.send(page))
    assert.equal(again.messages(), [CLOSED], 'the second press gets the same message')
    assert.is(await count(name, 'account_closed'), 1)
    assert.is((await site.mails(addressOf(name))).length, 1)
  })

  test(`${kind}: a closed account is reopened by logging in`, async () => {
    const name = `Regretful ${htmx}`
    const link = await closedLink(name)
    site.clock.advance(13 * DAY)
    const visitor = site.visitor({ htmx })
    const response = await visitor.logIn(name)
    const page = htmx ? response : await follow(visitor, response)
    assert.equal(page.messages(), [
      '✔ You are logged in. Your account is open again, and nothing will be deleted.',
    ])
    assert.not.ok(await isClosed(name))
    assert.is(await count(name, 'account_reopened'), 1)
    assert.is((await visitor.open(`/users/regretful-${htmx}/`)).status, 200)
    const late = await openUndo(site.visitor(), link)
    assert.is(late.status, 303, 'the account is already open')
    const second = site.visitor({ htmx })
    const usual = await second.logIn(name)
    const said = htmx ? usual : await follow(second, usual)
    assert.equal(said.messages(), ['✔ You are logged in.'])
  })

  test(`${kind}: the link reopens the account in any browser`, async () => {
    const name = `Mailed ${htmx}`
    const link = await closedLink(name)
    const visitor = site.visitor({ htmx })
    const page = await openUndo(visitor, link)
    assert.match(page.$('main').text(), `The account ${name} is closed and will be deleted in 14 days.`)
    assert.is(page.$('main form button').text(), 'Reopen your account')
    assert.ok(await isClosed(name), 'opening the link changes nothing')

    const login = await follow(visitor, await visitor.send(page))
    assert.equal(login.messages(), [REOPENED])
    assert.is(login.value('username'), name)
    assert.is((await visitor.open('/account/devices/')).status, 303, 'it does not log in')
    assert.not.ok(await isClosed(name))
    assert.is((await visitor.open(`/users/mailed-${htmx}/`)).status, 200)

    assert.equal((await follow(visitor, await visitor.send(page))).messages(), [OPEN_ALREADY])
    const other = site.visitor()
    await other.open(link)
    const done = await other.open((await other.open(UNDO)).headers.location ?? '')
    assert.equal(done.messages(), [OPEN_ALREADY])
    assert.is(await count(name, 'account_reopened'), 1)
  })

  test(`${kind}: a used link does not reopen an account closed again`, async () => {
    const name = `Twice ${htmx}`
    const link = await closedLink(name)
    const visitor = site.visitor({ htmx })
    const page = await openUndo(visitor, link)
    await visitor.send(page)
    const owner = site.visitor()
    await owner.logIn(name)
    await close(owner)
    const refused = await visitor.send(page)
    assert.is(refused.status, 410)
    assert.match(refused.messages().join(), 'This link has already been used.')
    assert.is(refused.$('.error a').attr('href'), '/login/')
    assert.ok(await isClosed(name))
  })

  test(`${kind}: an expired page works when the button is pressed again`, async () => {
    const name = `Patient ${htmx}`
    const link = await closedLink(name)
    const visitor = site.visitor({ htmx })
    const page = await openUndo(visitor, link)
    const old = await visitor.send(page, { _csrf: 'old' })
    assert.is(old.status, 403)
    assert.match(old.$('body').text(), `The account ${name} is closed`)
    const body = new URLSearchParams({ _csrf: old.value('_csrf') ?? '' }).toString()
    assert.equal((await follow(visitor, await visitor.post(UNDO, body))).messages(), [REOPENED])

    const owner = site.visitor({ htmx })
    await owner.logIn(name)
    const closing = await owner.send(await owner.open(PATH), { _csrf: 'old' })
    assert.is(closing.status, 403)
    const again = new URLSearchParams({ _csrf: closing.value('_csrf') ?? '' }).toString()
    assert.equal((await follow(owner, await owner.post(PATH, again))).messages(), [CLOSED])
  })

  test(`${kind}: a logged-out user cannot close the account`, async () => {
    const name = `Late ${htmx}`
    const visitor = await site.visitor({ htmx }).settle(name)
    const page = await visitor.open(PATH)
    await site.write(`delete from sessions where user_id = (select id from users where name = '${name}')`)
    const refused = await visitor.send(page)
    assert.is(refused.status, 403)
    assert.is(refused.$('.error a').attr('href'), '/login/?next=%2Faccount%2Fclose%2F')
    assert.not.ok(await isClosed(name))
  })
}

test('a link that is expired, changed or for another purpose does not work', async () => {
  const link = await closedLink('Strict')
  const token = link.slice(UNDO.length, -1)
  const changed = `${token.slice(0, -2)}${token.at(-2) === 'A' ? 'B' : 'A'}${token.slice(-1)}`
  for (const one of [changed, token.slice(1), 'x', '%00', 'x'.repeat(1500)]) {
    const visitor = site.visitor()
    await visitor.open(`${UNDO}${one}/`)
    const page = await visitor.open(UNDO)
    assert.is(page.status, 410, one)
    assert.match(page.messages().join(), 'This link does not work')
    assert.is(page.$('.error a').attr('href'), '/login/')
  }
  assert.is((await site.visitor().open(UNDO)).status, 410, 'the page without a link does not work either')
  for (const purpose of ['password-reset', 'email-undo', 'email-confirm']) {
    await site.write(`update tokens set purpose = '${purpose}' where purpose = 'account-reopen'`)
    assert.is((await openUndo(site.visitor(), link)).status, 410, purpose)
    await site.write(`update tokens set purpose = 'account-reopen' where purpose = '${purpose}'`)
  }
  const visitor = site.visitor()
  const page = await openUndo(visitor, link)
  assert.is(page.status, 200)
  site.clock.advance(14 * DAY + MINUTE)
  // An opened link is forgotten after a day, but the link itself can be opened again.
  assert.is((await visitor.send(page)).status, 410)
  const old = await openUndo(visitor, link)
  assert.is(old.status, 410)
  assert.match(old.messages().join(), 'This link has expired.')
  assert.is((await visitor.send(page)).status, 410)
  assert.ok(await isClosed('Strict'))
})

test('50 parallel forms reopen the account once', async () => {
  const link = await closedLink('Stormy')
  const visitor = site.visitor()
  const page = await openUndo(visitor, link)
  const responses = await Promise.all(Array.from({ length: 50 }, () => visitor.send(page)))
  for (const { status, headers } of responses) {
    assert.is(status, 303)
    assert.is(headers.location, '/login/?username=Stormy')
  }
  assert.is(await count('Stormy', 'account_reopened'), 1)
})

test('20 parallel forms close the account once', async () => {
  const visitor = await site.visitor().settle('Hasty')
  await site.emptyMailbox()
  const page = await visitor.open(PATH)
  const responses = await Promise.all(Array.from({ length: 20 }, () => visitor.send(page)))
  for (const { status, headers } of responses) assert.equal([status, headers.location], [303, '/'])
  assert.is(await count('Hasty', 'account_closed'), 1)
  assert.is((await site.mails(addressOf('Hasty'))).length, 1)
})

test('closing cancels waiting emails, and a form from another site changes nothing', async () => {
  const visitor = await site.visitor().settle('Guarded')
  await site.emptyMailbox()
  await site.write(`update users set next_email = 'next@example.com' where name = 'Guarded'`)
  const page = await visitor.open(PATH)
  const body = new URLSearchParams({ _csrf: page.value('_csrf') ?? '' }).toString()
  assert.is((await visitor.post(PATH, body, { Origin: 'https://evil.example' })).status, 403)
  assert.is((await visitor.post(PATH, '')).status, 403)
  assert.not.ok(await isClosed('Guarded'))
  await visitor.send(page)
  await site.emptyMailbox()
  const left = await site.rows<{ purpose: string }>(
    "select purpose from tokens join users on users.id = user_id where users.name = 'Guarded'",
  )
  assert.equal(left, [{ purpose: 'account-reopen' }])
  assert.equal(await site.rows("select next_email from users where name = 'Guarded'"), [{ next_email: null }])
})

test('the session of an account that was just closed does not work', async () => {
  const visitor = await site.visitor().settle('Overtaken')
  await site.write(
    `update users set closed_at = 1, erase_at = ${site.clock.now() + DAY} where name = 'Overtaken'`,
  )
  assert.is((await visitor.open('/account/devices/')).status, 303)
})

/** Returns every column of the database with one of the texts. */
async function findings(where: Site, texts: readonly string[]): Promise<string[]> {
  const sql = isPostgresUrl(where.database)
    ? `select table_name as name from information_schema.tables where table_schema = 'public'`
    : `select name from sqlite_master where type = 'table'`
  const found: string[] = []
  for (const { name } of await where.rows<{ name: string }>(sql)) {
    const rows = await where.rows<Record<string, unknown>>(`select * from "${name}"`)
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        const text = String(value).toLowerCase()
        if (texts.some((one) => text.includes(one.toLowerCase()))) found.push(`${name}.${column}: ${text}`)
      }
    }
  }
  return found
}

test('after 14 days the account is deleted from every table, and its username is available', async () => {
  const database = await migratedDatabase()
  const first = await Site.start({ database })
  const visitor = await first.visitor().settle('Forgotten')
  await first.visitor().settle('Neighbour')
  await first.visitor().logIn('Forgotten', { password: 'wrong one' })
  await until(async () => (await first.rows("select 1 from events where kind = 'login_failed'")).length > 0)
  await close(visitor)
  const mail = await first.mailThat('Forgotten@example.com', ({ link }) => link.startsWith(UNDO))
  const [user] = await first.rows<{ id: string }>("select id from users where name = 'Forgotten'")
  const texts = [user?.id ?? '', 'Forgotten']
  const before = (await findings(first, texts)).map((found) => found.split('.')[0])
  assert.equal([...new Set(before)].sort(), ['events', 'mails', 'slugs', 'tokens', 'users'])
  await first.close()

  const early = first.clock
  early.advance(14 * DAY - MINUTE)
  const second = await Site.start({ database, now: early.now })
  await until(async () => (await second.rows('select 1 from sessions')).length === 0)
  assert.is(
    (await second.rows("select 1 from users where name = 'Forgotten'")).length,
    1,
    'not deleted too early',
  )
  await second.close()

  early.advance(MINUTE)
  const third = await Site.start({ database, now: early.now })
  await until(async () => (await third.rows("select 1 from users where name = 'Forgotten'")).length === 0)
  assert.equal(await findings(third, texts), [])
  const mailsLeft = await third.rows(
    'select 1 from mails left join users on users.id = user_id where users.id is null',
  )
  assert.equal(mailsLeft, [], 'encrypted emails are deleted with their user')
  assert.is((await third.visitor().logIn('Neighbour')).status, 303)

  const late = third.visitor()
  await late.open(mail.link)
  assert.is((await late.open(UNDO)).status, 410)
  assert.match((await third.visitor().logIn('Forgotten')).messages().join(), 'no account with this username')
  assert.is((await third.visitor().signUp('Forgotten')).status, 303)
  assert.is((await third.visitor().logIn('Forgotten', { password: PASSWORD })).status, 303)
  await third.close()
})

test('without email an account can be closed, and only a login reopens it', async () => {
  const silent = await Site.start({ mail: 'off' })
  const visitor = await silent.visitor().settle('Silent')
  const page = await visitor.open(PATH)
  assert.not.match(page.text, 'link in the email')
  assert.match(page.text, 'you can reopen it by logging in.')
  const home = await follow(visitor, await visitor.send(page))
  assert.equal(home.messages(), [
    '✔ Your account is closed and will be deleted in 14 days. Until then you can reopen it by logging in.',
  ])
  assert.equal(await silent.rows('select 1 from mails'), [])
  const back = await follow(visitor, await visitor.logIn('Silent'))
  assert.match(back.messages().join(), 'open again')
  await silent.close()
})

test('a login during the closing creates no session', async () => {
  const costs = { memoryCost: 65_536, timeCost: 12, parallelism: 1 }
  const slow = await Site.start({ passwordCosts: costs })
  const visitor = await slow.visitor().settle('Anna')
  const [page, other] = [await visitor.open(PATH), slow.visitor()]
  const login = await other.open('/login/')
  const [late] = await Promise.all([
    other.send(login, { username: 'Anna', password: PASSWORD }),
    pause(30).then(() => visitor.send(page)),
  ])
  assert.equal(await slow.rows('select 1 from sessions'), [])
  assert.is(late.status, 406)
  const again = await other.logIn('Anna')
  assert.is(again.status, 303)
  assert.equal(await slow.rows('select closed_at as at from users'), [{ at: null }])
  await slow.close()
})

test('with two-step verification it needs a recent code, too', async () => {
  const twoStep = await Site.start()
  const visitor = await settled(twoStep, 'Anna')
  const { secret } = await turnOn(twoStep, visitor)
  twoStep.clock.advance(11 * 60_000)
  await reopen(twoStep, visitor, '/account/name/')
  const asked = await visitor.open('/account/close/')
  assert.match(asked.headers.location ?? '', 'asks=code')
  assert.is((await reopen(twoStep, visitor, '/account/close/', secret)).status, 200)
  await twoStep.close()
})

test.run()
