import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE } from '../../src/base/durations.js'
import { assertDone, callGatehouse } from '../support/calling.js'
import { rows, write } from '../support/databases.js'
import { migratedDatabase, Site, type Visitor } from '../support/helpers.js'
import { undoMigrations } from '../support/older.js'

const test = suite('spellings of an email address')

let site: Site
test.before(async () => {
  site = await Site.start()
})
test.after(() => site.close())
test.after.each(() => site.emptyMailbox())

// What people type, and what Chromium sends from an email field.
const UNICODE = 'Anna@Bücher.example'
const SENT = 'anna@xn--bcher-kva.example'

async function messages(visitor: Visitor, typed: Record<string, string>): Promise<string[]> {
  return (await visitor.signUp('Other', typed)).messages()
}

test('all spellings of an address log in, reset the password and are taken', async () => {
  await site.visitor().signUp('Anna', { email: SENT })
  await site.emptyMailbox()
  for (const typed of [UNICODE, SENT, 'anna@BÜCHER。example', ' \u200banna@bücher.example\u200b ']) {
    assert.is((await site.visitor().logIn(typed)).status, 303, typed)
    const visitor = site.visitor()
    site.clock.advance(MINUTE)
    await visitor.send(await visitor.open('/password/forgot/'), { username: typed })
    await site.mailThat(SENT, ({ link }) => link.startsWith('/password/reset/'))
    await site.emptyMailbox()
    assert.match(
      JSON.stringify(await messages(site.visitor(), { email: typed })),
      'already an account with this email address',
    )
  }
})

test('another spelling of a taken address is refused for changes, too', async () => {
  const bela = await site.visitor().settle('Bela')
  const page = await bela.open('/account/email/')
  const response = await bela.send(page, { email: UNICODE })
  assert.is(response.status, 406)
  assert.match(response.messages().join(), 'already an account with this email address')
  const correction = await bela.open('/email/confirm/address/')
  assert.match(
    (await bela.send(correction, { email: UNICODE })).messages().join(),
    'already an account with this email address',
  )
})

test('an address with a quoted local part is refused', async () => {
  assert.match(
    (await messages(site.visitor(), { email: '"anna"@xn--bcher-kva.example' })).join(),
    'Enter an email address like',
  )
})

interface Old {
  id: string
  email: string
  key: string
  confirmed?: number
}

/** Returns a database without migration 0014, with these users in the order of their sign-ups. */
async function oldDatabase(users: readonly Old[]): Promise<string> {
  const database = await migratedDatabase()
  assertDone(await callGatehouse(['migrate'], { database }))
  for (const [index, { id, email, key, confirmed }] of users.entries()) {
    await write(
      database,
      `insert into users (id, name, name_key, slug, email, email_key, password_hash, signup_form, device_stamp, email_confirmed_at, created_at, updated_at)
       values ('${id}', '${id}', '${id}', '${id}', '${email}', '${key}', '', '', '', ${confirmed ?? 'null'}, ${index}, 0)`,
    )
  }
  await undoMigrations(database, '0014')
  return database
}

async function keysOf(database: string): Promise<Record<string, string>> {
  const users = await rows<{ id: string; key: string }>(
    database,
    'select id, email_key as key from users order by id',
  )
  return Object.fromEntries(users.map(({ id, key }) => [id, key]))
}

test('the migration gives a shared address to whoever confirmed it or came first', async () => {
  const database = await oldDatabase([
    { id: 'plain', email: 'Plain@Example.com', key: 'plain@example.com' },
    { id: 'first', email: 'a@bücher.example', key: 'a@bücher.example' },
    { id: 'second', email: 'a@xn--bcher-kva.example', key: 'a@xn--bcher-kva.example' },
    { id: 'third', email: 'a@bücher。example', key: 'a@bücher。example' },
    { id: 'early', email: 'b@xn--bcher-kva.example', key: 'b@xn--bcher-kva.example' },
    { id: 'proved', email: 'b@bücher.example', key: 'b@bücher.example', confirmed: 1 },
    { id: 'sharp', email: 'c@straße.example', key: 'c@strasse.example' },
    { id: 'waiting', email: 'd@bücher.example', key: 'unconfirmed waiting' },
  ])
  await write(
    database,
    `insert into tokens (hash, purpose, user_id, email, email_key, code_mac, code_tries, code_expires_at, created_at, expires_at, used_at)
     values ('hash', 'email-undo', 'sharp', 'c@straße.example', 'c@strasse.example', null, 0, 0, 0, 0, null)`,
  )
  assertDone(await callGatehouse(['migrate'], { database }))
  assert.equal(await keysOf(database), {
    early: 'shared early',
    first: 'a@xn--bcher-kva.example',
    plain: 'plain@example.com',
    proved: 'b@xn--bcher-kva.example',
    second: 'shared second',
    sharp: 'c@xn--strae-oqa.example',
    third: 'shared third',
    waiting: 'unconfirmed waiting',
  })
  assert.equal(await rows(database, 'select email_key from tokens'), [
    { email_key: 'c@xn--strae-oqa.example' },
  ])
  const { stdout } = await callGatehouse(['check'], { database })
  assert.match(
    stdout,
    /^⚠ addresses: These users share an email address with another user .*: second, third, early\./m,
  )
  const found = await callGatehouse(['users', 'list', '--search', 'bücher', '--json'], { database })
  assert.equal(
    JSON.parse(found.stdout).users.map(({ name }: { name: string }) => name),
    ['first', 'third', 'proved', 'waiting'],
  )
  assert.match((await callGatehouse(['users', 'show', 'A@bücher.example'], { database })).stdout, 'first')
})

test('a user who shares a confirmed address can reset the password by username', async () => {
  await site.visitor().signUp('Cora', { email: 'cora@example.com' })
  await site.visitor().signUp('Dora', { email: 'dora@example.com' })
  await site.emptyMailbox()
  await site.write(
    "update users set email = 'cora@example.com', email_key = 'shared dora', email_confirmed_at = 1 where name = 'Dora'",
  )
  const visitor = site.visitor()
  await visitor.send(await visitor.open('/password/forgot/'), { username: 'Dora' })
  assert.match((await site.mail('cora@example.com')).text, 'Dora')
})

test.run()
