import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../../../src/database/locate.js'
import { PASSWORD, type Page, Site, type Visitor } from '../../support/helpers.js'

const test = suite('account/export')
let site: Site

test.before(async () => {
  // Caught emails keep their content.
  site = await Site.start({ mail: 'caught', environment: { LIMIT_SIGNUP_NETWORK: '100/1h' } })
})
test.after(() => site.close())

const PATH = '/account/export/'
const FILE = `${PATH}json/`
const DAY = 24 * 60 * 60 * 1000
/** How long a login is recent. */
const RECENT = 10 * 60 * 1000

type Row = Record<string, unknown>

async function file(visitor: Visitor): Promise<Record<string, Row[]> & { account: Row }> {
  const page = await visitor.open(FILE)
  assert.is(page.status, 200)
  return JSON.parse(page.text)
}

async function idOf(name: string): Promise<string> {
  const [user] = await site.rows<{ id: string }>('select id from users where name = ?', name)
  return user?.id ?? ''
}

/** Creates a user with rows in every table. */
async function userWithRows(name: string): Promise<Visitor> {
  const visitor = site.visitor()
  visitor.agent.set('User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0')
  await visitor.settle(name)
  const form = await visitor.open('/account/name/')
  const fields = new URLSearchParams({ _csrf: form.value('_csrf') ?? '', password: PASSWORD }).toString()
  await visitor.post('/account/devices/revoke/', fields)
  await site.visitor().logIn(name)
  assert.is((await visitor.post('/password/confirm/verify/', fields)).status, 303)
  assert.is((await visitor.send(form, { username: `${name} Anew` })).status, 303)
  await site.allSent()
  await turnOnTwoSteps(await idOf(`${name} Anew`))
  return visitor
}

async function turnOnTwoSteps(userId: string): Promise<void> {
  const now = site.clock.time
  const [sealed, salt, tag] = ['sealed', 'salt', 'tag'].map((what) => `${what} of ${userId.toUpperCase()}`)
  await site.write(`update users set second_step_at = ${now} where id = '${userId}'`)
  await site.write(
    `insert into authenticator_apps (user_id, secret, last_step, created_at) values ('${userId}', '${sealed}', 1, ${now})`,
  )
  await site.write(
    `insert into recovery_sets (user_id, salt, made_at) values ('${userId}', '${salt}', ${now})`,
  )
  await site.write(
    `insert into passkeys (id, user_id, public_key, counter, backup_eligible, backed_up, verified_at_creation, transports, aaguid, rp_id, name, created_at) values ('id of ${userId.toUpperCase()}', '${userId}', 'public', 0, 1, 1, 1, '', '', 'example.com', 'Phone', ${now})`,
  )
  await site.write(
    `insert into imports (id, user_id, imported_at) values ('django:${userId.toUpperCase()}', '${userId}', ${now})`,
  )
  await site.write(
    `insert into operator_actions (id, kind, reason, actor, actor_name, user_id, user_name, address, user_agent, at) values ('action of ${userId.toUpperCase()}', 'account_enabled', 'Asked by phone', 'cli:users enable', '', '${userId}', 'Anna', '', '', ${now})`,
  )
  await site.write(
    `insert into recovery_codes (tag, user_id, used_at) values ('${tag}', '${userId}', ${now})`,
  )
}

/** Returns every table with a user_id, from the database's own catalog. */
async function tablesOfUsers(): Promise<string[]> {
  const sql = isPostgresUrl(site.database)
    ? "select table_name as name from information_schema.columns where column_name = 'user_id' and table_schema = 'public'"
    : "select t.name from sqlite_schema t, pragma_table_info(t.name) c where t.type = 'table' and c.name = 'user_id'"
  return (await site.rows<{ name: string }>(sql)).map(({ name }) => name)
}

async function columnsOf(table: string): Promise<string[]> {
  const sql = isPostgresUrl(site.database)
    ? "select column_name as name from information_schema.columns where table_name = ? and table_schema = 'public'"
    : 'select name from pragma_table_info(?)'
  return (await site.rows<{ name: string }>(sql, table)).map(({ name }) => name)
}

const SECRET = /hash|mac|stamp|signup_form|login_form|^facts$|^prepared$|^secret$|^salt$|^tag$/

/** Inserts events of a user, each a second older than the previous one. */
async function insertEvents(userId: string, count: number): Promise<void> {
  const mark = userId.slice(0, 6)
  const rows = Array.from({ length: count }, (_, index) => {
    const at = site.clock.now() - index * 1000
    const id = `${String(at).padStart(15, '0')}${mark}${String(index).padStart(10, '0')}`
    return `('${id}', '${userId}', 'login_failed', ${at}, 'curl/${index}.0', '192.0.2.1')`
  })
  await site.write(`insert into events (id, user_id, kind, at, user_agent, address) values ${rows.join()}`)
}

function headings({ $ }: Page): string[] {
  return $('main > h2')
    .toArray()
    .map((title) => $(title).text())
}

for (const path of [PATH, FILE]) {
  for (const htmx of [false, true]) {
    test(`a visitor ${htmx ? 'with htmx ' : ''}at ${path} must log in first`, async () => {
      const page = await site.visitor().open(path, htmx ? { 'HX-Request': 'true' } : {})
      assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], '/login/?next=%2Faccount%2Fexport%2F')
      assert.is(page.text, '')
    })
  }
}

test('the file has every row of the user in every table', async () => {
  const visitor = await userWithRows('Complete')
  const tables = await tablesOfUsers()
  assert.ok(tables.length >= 5, tables.join())
  const exported = await file(visitor)
  const id = await idOf('Complete Anew')
  for (const table of tables) {
    assert.ok(Array.isArray(exported[table]), `the file has no table ${table}`)
    const [{ count } = { count: 0 }] = await site.rows<{ count: number }>(
      `select count(*) as count from ${table} where user_id = ?`,
      id,
    )
    assert.ok(Number(count) > 0, table)
    assert.is(exported[table]?.length, Number(count), table)
  }
})

test('the file has the account with all times in ISO 8601', async () => {
  const visitor = await userWithRows('Timed')
  const id = await idOf('Timed Anew')
  const until = new Date(site.clock.now() + DAY).toISOString()
  await site.write(
    `update users set email_confirmed_at = 1000, next_email = 'n@example.com', confirm_by = 2000, second_ends_at = 3000,
      password_at = 4000, email_at = 5000, roles = 'chief editor' where id = '${id}'`,
  )
  const page = await visitor.open(FILE)
  const exported = await file(visitor)
  assert.equal(exported.account, {
    id,
    name: 'Timed Anew',
    slug: 'timed-anew',
    email: 'Timed@example.com',
    emailConfirmedAt: '1970-01-01T00:00:01.000Z',
    nextEmail: 'n@example.com',
    secondStepAt: '2026-01-01T00:00:00.000Z',
    secondEndsAt: '1970-01-01T00:00:03.000Z',
    createdAt: '2026-01-01T00:00:00.000Z',
    confirmBy: '1970-01-01T00:00:02.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    closedAt: null,
    eraseAt: null,
    disabledAt: null,
    language: 'en',
    passwordAt: '1970-01-01T00:00:04.000Z',
    hasPassword: true,
    emailAt: '1970-01-01T00:00:05.000Z',
    roles: ['chief', 'editor'],
  })
  assert.equal(exported.slugs, [
    { slug: 'timed-anew', until: null },
    { slug: 'timed', until: new Date(site.clock.now() + 90 * DAY).toISOString() },
  ])
  assert.equal(exported.sessions?.map(({ userAgent, expiresAt }) => ({ userAgent, expiresAt })).length, 2)
  assert.is(exported.sessions?.[0]?.expiresAt, until)
  assert.equal(exported.tokens, [
    {
      purpose: 'email-confirm',
      email: 'Timed@example.com',
      createdAt: '2026-01-01T00:00:00.000Z',
      expiresAt: until,
      usedAt: null,
    },
  ])
  assert.equal(exported.mails?.map(({ kind }) => kind).sort(), [
    'email-confirm',
    'login-new-device',
    'name-changed',
  ])
  const [renamed] = exported.events ?? []
  assert.is(renamed?.kind, 'name_changed')
  assert.is(renamed?.about, 'Timed → Timed Anew')
  assert.is(renamed?.at, '2026-01-01T00:00:00.000Z')
  assert.not.match(page.text, /: ?\d{12,}/, 'no time is a number')
})

test('the page shows the same data, and says what is left out', async () => {
  const visitor = await userWithRows('Reader')
  const page = await visitor.open(PATH)
  assert.is(page.title, 'Your data · Gatehouse')
  assert.equal(headings(page), [
    'Account',
    'Web addresses of your public page',
    'Two-step verification',
    'Passkeys',
    'Where you are logged in',
    'Links sent to you by email',
    'Emails to you',
    'Done by the people who run this site',
    'Account activity',
  ])
  const text = page.$('main').text().replaceAll(/\s+/g, ' ')
  for (const told of [
    'Reader Anew',
    'Reader@example.com',
    await idOf('Reader Anew'),
    '/users/reader-anew/ Current address',
    '/users/reader/ Previous address, kept for you until April 1, 2026',
    'Firefox/128.0 · 127.0.0.1',
    'Email address confirmation',
    'Notice: username changed',
    'Username changed: Reader → Reader Anew',
    'Imported from another system',
    'Only the hashes of your password, tokens and codes are left out.',
  ]) {
    assert.match(text, told)
  }
  const link = page.$('a.button')
  assert.is(link.attr('href'), `${FILE}?of=${await idOf('Reader Anew')}`)
  assert.not.ok(Object.keys(link.attr() ?? {}).some((name) => name.startsWith('data-hx')))
})

test('neither the file nor the page has a secret of any table', async () => {
  const visitor = await userWithRows('Guarded')
  const id = await idOf('Guarded Anew')
  const texts = [(await visitor.open(PATH)).text, (await visitor.open(FILE)).text]
  const found: string[] = []
  for (const table of ['users', ...(await tablesOfUsers())]) {
    for (const column of (await columnsOf(table)).filter((name) => SECRET.test(name))) {
      const key = table === 'users' ? 'id' : 'user_id'
      const rows = await site.rows<{ value: string | null }>(
        `select ${column} as value from ${table} where ${key} = ?`,
        id,
      )
      for (const { value } of rows) {
        if (!value) continue
        found.push(`${table}.${column}`)
        for (const text of texts) assert.not.ok(text.includes(value), `${table}.${column}`)
      }
    }
  }
  for (const column of [
    ...['users.password_hash', 'users.device_stamp', 'users.signup_form'],
    ...['sessions.token_hash', 'sessions.former_hash', 'tokens.hash', 'tokens.code_mac', 'mails.facts'],
    ...['authenticator_apps.secret', 'recovery_sets.salt', 'recovery_codes.tag'],
  ]) {
    assert.ok(found.includes(column), `${column} was looked for`)
  }
  for (const text of texts) assert.not.match(text, '$argon2')
})

test('neither has data of other users', async () => {
  const visitor = await userWithRows('Own')
  await userWithRows('Foreign')
  const texts = [(await visitor.open(PATH)).text, (await visitor.open(FILE)).text]
  for (const text of texts) {
    assert.not.match(text, 'Foreign')
    assert.not.ok(text.includes(await idOf('Foreign Anew')))
  }
})

test('the file is named after the user, and never cached', async () => {
  for (const [name, expected] of [
    ['Слава', 'gatehouse-slava.json'],
    ['王小明', 'gatehouse-account.json'],
    ['Anna-B. C', 'gatehouse-anna-b-c.json'],
  ] as const) {
    const visitor = await site.visitor().settle(name)
    const page = await visitor.open(FILE)
    assert.is(page.headers['content-disposition'], `attachment; filename="${expected}"`)
    assert.match(page.headers['content-type'] ?? '', 'application/json')
    assert.is(page.headers['cache-control'], 'private, no-cache, no-store')
    assert.match(page.headers.vary ?? '', /^HX-Request\b/)
    assert.is(page.headers['x-content-type-options'], 'nosniff')
    assert.is(JSON.parse(page.text).account.name, name)
    assert.is((await visitor.agent.head(FILE)).status, 200)
  }
})

// An event has the User-Agent of a stranger, which htmx would put into the page as markup.
test('htmx never gets the file, only a redirect to it', async () => {
  const visitor = await site.visitor().settle('Swapper')
  const page = await visitor.open(FILE, { 'HX-Request': 'true' })
  assert.is(page.status, 200)
  assert.is(page.text, '')
  assert.is(page.headers['hx-redirect'], FILE)
  assert.is(page.headers['content-disposition'], undefined)
})

test('a stranger’s User-Agent in the activity is escaped', async () => {
  await site.visitor().signUp('Target')
  const stranger = site.visitor()
  stranger.agent.set('User-Agent', '<img src=x data-hx-get="/x" data-hx-trigger="load">"}],"\\u0000')
  await stranger.logIn('Target', { password: 'wrong' })
  const visitor = await site.visitor().settle('Target Two')
  await visitor.send(await visitor.open('/logout/'))
  await visitor.logIn('Target')
  let page = await visitor.open(PATH)
  for (let tries = 0; tries < 100 && !page.text.includes('&lt;img'); tries++) {
    await new Promise((done) => setTimeout(done, 30))
    page = await visitor.open(PATH)
  }
  assert.match(page.text, '&lt;img')
  assert.is(page.$('main img, main [data-hx-get], main [data-hx-trigger]').length, 0)
  const failed = (await file(visitor)).events?.find(({ kind }) => kind === 'login_failed')
  assert.match(String(failed?.userAgent), '<img src=x')
})

test('the file has all 1,600 events, and the page the latest 100', async () => {
  const visitor = await site.visitor().settle('Historian')
  await insertEvents(await idOf('Historian'), 98)
  const whole = await visitor.open(PATH)
  assert.is(whole.status, 200)
  assert.is(whole.$('ol.rows > li').length, 100)
  assert.not.match(whole.text, 'has the older ones too')
  site.clock.advance(-2000 * 1000)
  await insertEvents(await idOf('Historian'), 1500)
  site.clock.advance(2000 * 1000)
  const page = await visitor.open(PATH)
  assert.is(page.$('ol.rows > li').length, 100)
  assert.match(page.text, 'The latest 100 entries. The download has the older ones too.')
  const { events = [] } = await file(visitor)
  assert.is(events.length, 1600)
  assert.is(new Set(events.map((event) => JSON.stringify(event))).size, 1600, 'each once')
  const times = events.map(({ at }) => String(at))
  assert.equal(times, [...times].sort().reverse())
})

test('a large file is sent over many turns of the event loop', async () => {
  const visitor = await site.visitor().settle('Patient')
  await insertEvents(await idOf('Patient'), 2000)
  let turns = 0
  let isSent = false
  const turn = () => {
    turns++
    if (!isSent) setImmediate(turn)
  }
  setImmediate(turn)
  const { events = [] } = await file(visitor)
  isSent = true
  assert.ok(events.length >= 2000)
  assert.ok(turns > 2000 / 100, `${turns} turns`)
})

test('data from exportOf are on the page and in the file', async () => {
  const host = await Site.start({
    hooks: {
      exportOf: async ({ name }) => ({
        orders: [{ of: `<b>${name}</b>`, createdAt: 5, until: new Date(0) }],
      }),
    },
  })
  const visitor = await host.visitor().settle('Anna')
  const page = await visitor.open(PATH)
  assert.equal(JSON.parse(page.$('pre').text()), {
    orders: [{ of: '<b>Anna</b>', createdAt: 5, until: '1970-01-01T00:00:00.000Z' }],
  })
  assert.ok(headings(page).includes('More data from this site'))
  const stored: { app: unknown; account: Row; events: Row[] } = JSON.parse((await visitor.open(FILE)).text)
  assert.equal(stored.app, JSON.parse(page.$('pre').text()))
  assert.is(stored.account.name, 'Anna')
  assert.ok(stored.events.length > 0)
  await host.close()
})

for (const [what, exportOf] of [
  ['throws', () => Promise.reject(new Error('The orders are elsewhere.'))],
  ['returns no JSON', () => ({ count: 1n })],
] as const) {
  test(`when exportOf ${what}, the page says so, and there is no file`, async () => {
    const host = await Site.start({ hooks: { exportOf } })
    const visitor = await host.visitor().settle('Anna')
    const page = await visitor.open(PATH)
    assert.is(page.status, 200)
    assert.match(page.$('main').text(), 'Part of your data cannot be read right now.')
    assert.match(page.$('main').text(), 'Anna@example.com')
    const refused = await visitor.open(FILE)
    assert.is(refused.status, 503)
    assert.match(refused.messages().join(), 'Part of your data cannot be read right now.')
    assert.ok(host.logs.some((line) => line.includes('exportOf failed')))
    await host.close()
  })
}

test('an exportOf without data adds nothing', async () => {
  const host = await Site.start({ hooks: { exportOf: () => undefined } })
  const visitor = await host.visitor().settle('Anna')
  assert.is((await visitor.open(PATH)).$('pre').length, 0)
  assert.not.ok('app' in JSON.parse((await visitor.open(FILE)).text))
  await host.close()
})

test('events are complete if the last one ends a batch', async () => {
  const visitor = await site.visitor().settle('Even')
  await insertEvents(await idOf('Even'), 498)
  assert.is((await file(visitor)).events?.length, 500)
  await site.write(`delete from events where user_id = '${await idOf('Even')}'`)
  assert.equal((await file(visitor)).events, [])
})

for (const path of [PATH, FILE]) {
  for (const htmx of [false, true]) {
    test(`an old login ${htmx ? 'with htmx ' : ''}at ${path} needs the password first`, async () => {
      const visitor = await site.visitor({ htmx }).settle(`Stale ${path.length} ${htmx}`)
      site.clock.advance(RECENT - 1)
      assert.is((await visitor.open(path)).status, 200)
      site.clock.advance(1)
      const asked = await visitor.open(path, htmx ? { 'HX-Request': 'true' } : {})
      const to = asked.headers[htmx ? 'hx-redirect' : 'location'] ?? ''
      assert.is(to, '/password/confirm/?next=%2Faccount%2Fexport%2F')
      assert.is(asked.text, '')
      const page = await visitor.send(await visitor.open(to), { password: PASSWORD })
      assert.is(page.headers[htmx ? 'hx-redirect' : 'location'], PATH)
      assert.is((await visitor.open(path)).status, 200)
    })
  }
}

test.run()
