import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EVENT_KINDS } from '../../../src/tables/events.js'
import { type Page, Site, until } from '../../support/helpers.js'

const test = suite('account/activity')
let site: Site

test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())

const PATH = '/account/activity/'

function entriesOn({ $ }: Page): string[] {
  return $('.rows h2')
    .toArray()
    .map((title) => $(title).text().trim())
}

/** Inserts events of a user, each a second older than the previous one. */
async function insertEvents(name: string, kinds: readonly string[]): Promise<void> {
  const rows = kinds.map((kind, index) => {
    const at = site.clock.now() - index * 1000
    const id = `${String(at).padStart(15, '0')}000000${String(index).padStart(10, '0')}`
    return `select '${id}', id, '${kind}', ${at}, 'curl/${index}.0', '192.0.2.1' from users where name = '${name}'`
  })
  await site.write(
    `insert into events (id, user_id, kind, at, user_agent, address) ${rows.join(' union all ')}`,
  )
}

test('a visitor must log in first', async () => {
  const page = await site.visitor().open(`${PATH}?before=x`)
  assert.is(page.status, 303)
  assert.match(page.headers.location ?? '', '/login/?next=')
})

test('the list has your own activity, newest first, with device, IP and time', async () => {
  await site.visitor().settle('Stranger')
  await site.visitor().signUp('Teller')
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')
  site.clock.advance(60_000)
  await visitor.logIn('Teller')
  site.clock.advance(3 * 60_000)
  const page = await visitor.open(PATH)
  assert.equal(entriesOn(page), ['Logged in', 'Signed up'])
  const row = page.$('.rows > li').first()
  assert.match(row.text(), 'Firefox on Linux')
  assert.match(row.text(), '127.0.0.1')
  assert.match(row.text(), '3 minutes ago')
  const at = site.clock.now() - 3 * 60_000
  assert.is(row.find('time').attr('datetime'), new Date(at).toISOString())
  assert.match(row.find('time').text(), /^January 1, 2026 at 12:01:00.AM UTC$/)
  assert.match(page.$('.rows > li').last().text(), 'Unknown device')
  assert.is(page.$('main nav').length, 0, 'there is only one page')
})

test('failed logins appear', async () => {
  const visitor = await site.visitor().settle('Guessed')
  site.clock.advance(1000)
  await site.visitor().logIn('Guessed', { password: 'not it at all' })
  const newest = async () => entriesOn(await visitor.open(PATH))[0]
  await until(async () => (await newest()) !== 'Logged in', 'the failed login is in the list')
  assert.is(await newest(), 'Failed login: wrong password')
})

test('every kind of event has its own text', async () => {
  const visitor = await site.visitor().settle('Everything')
  site.clock.advance(60 * 60_000)
  await insertEvents('Everything', EVENT_KINDS)
  const page = await visitor.open(PATH)
  assert.is(page.status, 200, page.text)
  const words = entriesOn(page).slice(0, EVENT_KINDS.length)
  assert.is(words.length, EVENT_KINDS.length)
  assert.is(new Set(words).size, EVENT_KINDS.length)
  for (const word of words) assert.match(word, /^[A-Z][a-z-]+/)
})

test('a page has 50 events, and links to the older and the newest ones', async () => {
  const own = await site.visitor().settle('Busy')
  site.clock.advance(60 * 60_000)
  await insertEvents('Busy', Array(118).fill('logged_out'))
  await site.visitor().settle('Other')

  const visited: string[] = []
  let page = await own.open(PATH)
  for (const [count, links] of [
    [50, ['Older']],
    [50, ['Newest', 'Older']],
    [20, ['Newest']],
  ] as const) {
    assert.is(page.status, 200)
    assert.is(entriesOn(page).length, count)
    visited.push(...times(page))
    const nav = page.$('main nav a').toArray()
    assert.equal(
      nav.map((link) => page.$(link).text()),
      links,
    )
    assert.is(page.$('main nav a:contains("Newest")').attr('href') ?? PATH, PATH)
    const older = page.$('main nav a:contains("Older")').attr('href')
    if (older !== undefined) page = await own.open(older)
  }
  assert.equal(entriesOn(page).slice(-2), ['Logged in', 'Signed up'])
  assert.is(visited.length, 120)
  assert.equal(visited, [...visited].sort().reverse(), 'no event twice or out of order')
})

function times({ $ }: Page): string[] {
  return $('.rows time')
    .toArray()
    .map((time) => time.attribs.datetime ?? '')
}

test('a page of exactly 50 events has no link to older ones', async () => {
  const visitor = await site.visitor().settle('Fifty')
  site.clock.advance(60 * 60_000)
  await insertEvents('Fifty', Array(48).fill('logged_out'))
  const page = await visitor.open(PATH)
  assert.is(entriesOn(page).length, 50)
  assert.is(page.$('main nav').length, 0)
})

test('a malformed position is ignored', async () => {
  const visitor = await site.visitor().settle('Nonsense')
  const nonsense = ['x', '', '%00', "'%20or%201=1--", '%FF', 'before', '9'.repeat(2000), '1'.repeat(31)]
  for (const before of nonsense) {
    const page = await visitor.open(`${PATH}?before=${before}`)
    assert.is(page.status, 200, before)
    assert.not.match(page.text, 'Stranger')
  }
  for (const query of ['before=1&before=2', 'before[]=1', 'before[a]=1']) {
    assert.equal(entriesOn(await visitor.open(`${PATH}?${query}`)), ['Logged in', 'Signed up'])
  }
  const oldest = await visitor.open(`${PATH}?before=${'0'.repeat(31)}`)
  assert.equal(entriesOn(oldest), [])
  assert.is(oldest.$('main nav a').attr('href'), PATH)
})

test('another user’s event as position shows none of their events', async () => {
  const [event] = await site.rows<{ id: string }>('select id from events order by id desc limit 1')
  const visitor = await site.visitor().settle('Curious')
  const page = await visitor.open(`${PATH}?before=${event?.id}`)
  assert.equal(entriesOn(page), [])
})

test('the page says how long activity is kept', async () => {
  assert.match((await (await site.visitor().settle('Year')).open(PATH)).$('main').text(), 'kept for 1 year.')
  for (const [kept, words] of [
    ['30d', '30 days'],
    ['730d', '2 years'],
    ['400d', '400 days'],
    ['36h', '36 hours'],
    ['90m', '90 minutes'],
    ['90s', '90 seconds'],
  ] as const) {
    const own = await Site.start({ environment: { EVENTS_KEPT: kept } })
    const page = await (await own.visitor().settle('Kept')).open(PATH)
    assert.match(page.$('main').text(), `kept for ${words}.`)
    await own.close()
  }
})

test.run()
