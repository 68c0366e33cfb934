import { setTimeout as pause } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DAY, MINUTE } from '../src/durations.js'
import { isPostgresUrl } from '../src/tables/postgres.js'
import { PASSWORD, Site, until, type Visitor } from './helpers.js'

const test = suite('account-close')
let site: Site

test.before(async () => {
  site = await Site.start({ environment: { LIMIT_SIGNUP_NETWORK: '1000/1h' } })
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

const PATH = '/account/close/'
let made = 0

interface Member {
  visitor: Visitor
  name: string
  slug: string
  email: string
}

async function member(options = {}): Promise<Member> {
  const name = `user ${++made}`
  const email = `user${made}@example.com`
  const visitor = site.visitor(options)
  await visitor.signUp(name, { email })
  await visitor.logIn(name)
  await site.emptyMailbox()
  return { visitor, name, email, slug: `user-${made}` }
}

/** Closes the account, and answers the mail that takes it back. */
async function closed({ visitor, email }: Member) {
  await visitor.send(await visitor.open(PATH))
  return site.mail(email)
}

async function isClosed(name: string): Promise<boolean> {
  const [row] = await site.rows<{ at: number | null }>(
    'select closed_at as at from users where name = ?',
    name,
  )
  return row?.at != null
}

for (const htmx of [false, true]) {
  const kind = htmx ? 'htmx' : 'a plain browser'

  test(`${kind}: the page says what goes, and the account is closed at once`, async () => {
    const { visitor, name, slug, email } = await member({ htmx })
    const other = site.visitor()
    await other.logIn(name)
    await site.emptyMailbox()
    const page = await visitor.open(PATH)
    assert.match(page.$('main').text(), 'In 14 days it is erased')
    assert.is(page.$('main form').length, 1)
    const answer = await visitor.send(page)
    assert.is(answer.headers[htmx ? 'hx-redirect' : 'location'], '/')
    const home = await visitor.open('/')
    assert.match(home.messages()[0] ?? '', 'Your account is closed, and will be erased in 14 days')
    assert.match(home.text, 'Sign up', 'logged out here')
    assert.is((await other.open('/account/devices/')).status, 303, 'and everywhere')
    assert.is((await site.visitor().open(`/users/${slug}/`)).status, 404)
    assert.is((await site.visitor().signUp(name, { email: `x${email}` })).status, 406, 'the name stays taken')
    const mail = await site.mail(email)
    assert.match(mail.link, /^\/account\/close\/undo\/[\w-]{43}\/$/)
    assert.ok((await visitor.send(page)).status < 500, 'pressed twice')
  })

  test(`${kind}: the mailed link takes it back by one button, in a browser that knows nothing`, async () => {
    const someone = await member({ htmx })
    const mail = await closed(someone)
    const reader = site.visitor({ htmx })
    const page = await reader.follow(mail)
    assert.ok(await isClosed(someone.name), 'opening it changes nothing')
    assert.match(page.$('main').text(), someone.name)
    assert.is(page.$('main form').length, 1)
    const back = await reader.send(page)
    const login = back.headers[htmx ? 'hx-redirect' : 'location'] ?? ''
    assert.is(login, `/login/?${new URLSearchParams({ username: someone.name })}`)
    assert.match((await reader.open(login)).messages()[0] ?? '', 'Your account is open again')
    assert.not(await isClosed(someone.name))
    assert.is((await reader.send(page)).headers[htmx ? 'hx-redirect' : 'location'], login, 'pressed twice')
    await reader.agent.get(mail.link)
    assert.is((await reader.open(`${PATH}undo/`)).headers.location, login, 'opened again')
    assert.is((await site.visitor().open(`/users/${someone.slug}/`)).status, 200)
  })

  test(`${kind}: a login takes it back, and says so`, async () => {
    const someone = await member()
    const mail = await closed(someone)
    const owner = site.visitor({ htmx })
    assert.is(
      (await owner.logIn(someone.name, { password: 'wrong' })).messages()[0],
      '⚠ This password is wrong.',
    )
    assert.ok(await isClosed(someone.name))
    const page = await owner.logIn(someone.name)
    const last = htmx ? page : await owner.open(page.headers.location ?? '')
    assert.match(last.messages()[0] ?? '', 'Your account is open again')
    assert.not(await isClosed(someone.name))
    const link = await site.visitor().open(mail.link)
    assert.is(link.status, 303)
  })
}

test('a link is good for 14 days, for its own account, and once', async () => {
  const [one, other] = [await member(), await member()]
  const mail = await closed(one)
  await closed(other)
  const [, token = ''] = /undo\/([^/]+)\/$/.exec(mail.link) ?? []
  const changed = (token.startsWith('A') ? 'B' : 'A') + token.slice(1)
  assert.is((await site.visitor().follow({ link: `${PATH}undo/${changed}/` })).status, 410)
  assert.is((await site.visitor().follow({ link: `/password/reset/link/${token}/` })).status, 410)
  const reader = site.visitor()
  await reader.send(await reader.follow(mail))
  assert.not(await isClosed(one.name))
  assert.ok(await isClosed(other.name))
  await one.visitor.logIn(one.name)
  await site.emptyMailbox()
  await closed(one)
  const used = await site.visitor().follow(mail)
  assert.is(used.status, 410)
  assert.match(used.messages()[0] ?? '', 'used already')
  assert.ok(await isClosed(one.name), 'a used link does not take back what was closed later')
})

test('of fifty at once exactly one takes it back', async () => {
  const someone = await member()
  const mail = await closed(someone)
  const reader = site.visitor()
  const page = await reader.follow(mail)
  const answers = await Promise.all(Array.from({ length: 50 }, () => reader.send(page)))
  assert.equal([...new Set(answers.map(({ status }) => status))], [303])
  const events = await site.rows(
    "select 1 from events join users on users.id = user_id where name = ? and kind = 'account_reopened'",
    someone.name,
  )
  assert.is(events.length, 1)
})

test('what was mailed before opens nothing while it is closed', async () => {
  const someone = await member()
  const asking = site.visitor()
  await asking.send(await asking.open('/password/forgot/'), { username: someone.name })
  const reset = await site.mail(someone.email)
  await site.emptyMailbox()
  await closed(someone)
  assert.is((await asking.follow(reset)).status, 410)
})

test('the password is asked for when it was given long ago', async () => {
  const { visitor, name } = await member()
  const page = await visitor.open(PATH)
  site.clock.advance(11 * MINUTE)
  assert.is((await visitor.send(page)).status, 403)
  assert.not(await isClosed(name))
  assert.match((await visitor.open(PATH)).headers.location ?? '', '/password/confirm/')
  assert.match((await site.visitor().open(PATH)).headers.location ?? '', '/login/')
})

test('without mails it is closed all the same', async () => {
  const silent = await Site.start({ environment: { MAIL: 'off' } })
  const visitor = await silent.visitor().settle('Anna')
  const page = await visitor.open(PATH)
  assert.not.match(page.$('main').text(), 'link')
  await visitor.send(page)
  assert.is((await visitor.open('/account/devices/')).status, 303)
  await visitor.logIn('Anna', { password: PASSWORD })
  assert.is((await visitor.open('/account/devices/')).status, 200)
  await silent.close()
})

test('after 14 days it is gone from every table, and name and address are free', async () => {
  const own = await Site.start()
  const visitor = own.visitor()
  await visitor.signUp('Erased', { email: 'erased-person@example.com' })
  await visitor.logIn('Erased')
  await visitor.send(await visitor.open('/account/email/'), { email: 'erased-next@example.com' })
  const asking = own.visitor()
  await asking.send(await asking.open('/password/forgot/'), { username: 'Erased' })
  await own.mails(undefined, 3)
  const [user] = await own.rows<{ id: string }>('select id from users')
  assert.ok(user)
  await visitor.send(await visitor.open(PATH))
  await own.mails(undefined, 3)
  const { database, clock } = own
  await own.close()

  clock.advance(14 * DAY - 1)
  const before = await Site.start({ database, now: clock.now })
  assert.is((await before.rows('select id from users')).length, 1)
  await before.close()
  clock.advance(1)
  const after = await Site.start({ database, now: clock.now })
  await until(async () => (await after.rows('select id from users')).length === 0)
  const everything = JSON.stringify(await allRows(after))
  for (const trace of [user.id, 'Erased', 'erased-person', 'erased-next', 'erased']) {
    assert.not.match(everything, trace)
  }
  const again = await after.visitor().signUp('Erased', { email: 'erased-person@example.com' })
  assert.is(again.status, 303)
  await after.close()
})

/** Every row of every table, of the live schema. */
async function allRows(from: Site): Promise<unknown[]> {
  const names = isPostgresUrl(from.database)
    ? "select tablename as name from pg_tables where schemaname = 'public'"
    : "select name from sqlite_master where type = 'table'"
  const tables = await from.rows<{ name: string }>(names)
  assert.ok(tables.length > 7)
  return Promise.all(tables.map(({ name }) => from.rows(`select * from ${name}`)))
}

test('a login that is on its way leaves no session of a closed account', async () => {
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

test.run()
