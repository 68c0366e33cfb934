import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DatabaseUnavailable } from '../../src/database/unavailable.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as sessions from '../../src/tables/sessions.js'
import * as slugs from '../../src/tables/slugs.js'
import * as users from '../../src/tables/users.js'
import { migratedDatabase } from '../support/helpers.js'
import { count, createUser, NOW, newSession, newUser, openSession } from '../support/rows.js'

const test = suite<{ database: Database }>('tables')

test.before.each(async (context) => {
  context.database = await openDatabase(await migratedDatabase())
})

test.after.each(({ database }) => database.close())

test('50 parallel inserts with one username create one user', async ({ database }) => {
  const asked = Array.from({ length: 50 }, (_, index) =>
    createUser(
      database,
      newUser('anna', { id: `id ${index}`, email: `${index}@example.com`, emailKey: `${index}@example.com` }),
    ),
  )
  const created = await Promise.all(asked)
  assert.is(created.filter(Boolean).length, 1)
  assert.is(await count(database.main, 'users'), 1)
  assert.is(await count(database.main, 'slugs'), 1)
  const account = await users.byNameKey(database.main, 'anna')
  assert.is(account?.user.id, `id ${created.indexOf(true)}`)
})

for (const [what, claim] of [
  ['name', { nameKey: 'anna' }],
  ['email address', { emailKey: 'anna@example.com' }],
  ['slug', { slug: 'anna' }],
] as const) {
  test(`a user whose ${what} is in use is refused, and nothing of it is stored`, async ({ database }) => {
    assert.is(await createUser(database, newUser('anna')), true)
    assert.is(await createUser(database, newUser('bela', claim)), false)
    assert.is(await count(database.main, 'users'), 1)
    assert.is(await count(database.main, 'slugs'), 1)
    assert.is(await createUser(database, newUser('bela')), true)
  })
}

test('a user whose slug is reserved for its previous owner is refused', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await database.main
    .insertInto('slugs')
    .values({ slug: 'bela', user_id: 'id of anna', until: NOW + 1 })
    .execute()
  assert.is(await createUser(database, newUser('bela')), false)
  assert.is(await count(database.main, 'users'), 1)
  assert.is(await slugs.isHeld(database.main, 'bela', { now: NOW }), true)
  assert.equal(await users.taken(database.main, newUser('bela'), NOW), { name: true, email: false })
  assert.is(await createUser(database, newUser('bela', { createdAt: NOW + 1 })), true)
})

test('taken distinguishes the username from the email address', async ({ database }) => {
  await createUser(database, newUser('anna'))
  const taken = (changes: Partial<users.NewUser>) => users.taken(database.main, newUser('bela', changes), NOW)
  assert.equal(await taken({}), { name: false, email: false })
  assert.equal(await taken({ nameKey: 'anna' }), { name: true, email: false })
  assert.equal(await taken({ slug: 'anna' }), { name: true, email: false })
  assert.equal(await taken({ emailKey: 'anna@example.com' }), { name: false, email: true })
  assert.equal(await users.taken(database.main, newUser('anna'), NOW), { name: true, email: true })
})

test('a user has no password hash', async ({ database }) => {
  await createUser(database, newUser('anna'))
  const user = await users.bySlug(database.main, 'anna', NOW)
  assert.equal(Object.keys(user ?? {}).sort(), [
    'createdAt',
    'email',
    'emailConfirmedAt',
    'id',
    'name',
    'nextEmail',
    'roles',
    'secondEndsAt',
    'secondStepAt',
    'slug',
  ])
})

test('a hash is replaced only if it is still the one that was checked', async ({ database }) => {
  await createUser(database, newUser('anna'))
  const hash = async () => (await users.byNameKey(database.main, 'anna'))?.passwordHash
  await users.rehash(database.main, 'id of anna', { old: 'another', new: 'stronger' })
  assert.is(await hash(), 'hash')
  await users.rehash(database.main, 'id of anna', { old: 'hash', new: 'stronger' })
  assert.is(await hash(), 'stronger')
})

test('a session is found until the moment it expires', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await openSession(database, newSession('token', 'id of anna', { expiresAt: NOW + 1000 }))
  const find = (now: number) => sessions.byToken(database.main, 'token', now)
  assert.is((await find(NOW))?.user.name, 'anna')
  assert.is((await find(NOW + 999))?.session.id, 'id of token')
  assert.is(await find(NOW + 1000), undefined)
  assert.is(await find(NOW + 1001), undefined)
  assert.is(await sessions.byToken(database.main, 'another', NOW), undefined)
})

const HERE = { id: 'id of token', address: '192.0.2.1', userAgent: 'curl/8.5.0' }
const THERE = { id: 'id of token', address: '192.0.2.2', userAgent: 'w3m/0.5' }

test('parallel jumps of a session are stored once in their window', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await openSession(database, newSession('token', 'id of anna', { expiresAt: NOW + 1000 }))
  const jump = (at: number) =>
    sessions.jump(database.main, { ...THERE, now: at, expiresAt: at + 1000 }, { since: at - 100 })
  const noted = await Promise.all([jump(NOW), jump(NOW), jump(NOW)])
  assert.is(noted.filter(Boolean).length, 1)
  assert.not.ok(await jump(NOW + 99))
  assert.ok(await jump(NOW + 100))
  const found = await sessions.byToken(database.main, 'token', NOW + 100)
  assert.is(found?.trail.jumpedAt, NOW + 100)
  assert.equal(found?.trail.last, { address: THERE.address, userAgent: THERE.userAgent })
})

test('using a session moves its end forward, never back', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await openSession(database, newSession('token', 'id of anna', { expiresAt: NOW + 1000 }))
  await sessions.touch(database.loose, { ...HERE, now: NOW + 500, expiresAt: NOW + 1500 })
  await sessions.touch(database.loose, { ...THERE, now: NOW + 400, expiresAt: NOW + 1400 })
  const found = await sessions.byToken(database.main, 'token', NOW + 1499)
  assert.is(found?.session.lastSeenAt, NOW + 500)
  assert.equal(found?.trail.last, { address: HERE.address, userAgent: HERE.userAgent })
  assert.is(found?.session.authenticatedAt, NOW)
  assert.is(await sessions.byToken(database.main, 'token', NOW + 1500), undefined)
})

test('a closed session is not found', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await openSession(database, newSession('token', 'id of anna', { expiresAt: NOW + 1000 }))
  await sessions.close(database.main, { id: 'id of token', userId: 'id of anna' })
  assert.is(await sessions.byToken(database.main, 'token', NOW), undefined)
})

test('ended sessions are swept in batches, and open ones stay', async ({ database }) => {
  await createUser(database, newUser('anna'))
  for (let index = 0; index < 25; index++) {
    await openSession(database, newSession(`ended ${index}`, 'id of anna', { expiresAt: NOW - index }))
  }
  await openSession(database, newSession('living', 'id of anna', { expiresAt: NOW + 1 }))
  const sweep = () => sessions.sweep(database.loose, { now: NOW, batch: 10 })
  assert.equal([await sweep(), await sweep(), await sweep(), await sweep()], [10, 10, 5, 0])
  assert.is(await count(database.main, 'sessions'), 1)
  assert.ok(await sessions.byToken(database.main, 'living', NOW))
})

test('deleting a user deletes its sessions and slugs', async ({ database }) => {
  await createUser(database, newUser('anna'))
  await openSession(database, newSession('token', 'id of anna', { expiresAt: NOW + 1000 }))
  await database.main.deleteFrom('users').execute()
  assert.is(await count(database.main, 'sessions'), 0)
  assert.is(await count(database.main, 'slugs'), 0)
})

test('a failed transaction stores nothing', async ({ database }) => {
  const failing = database.write(async (transaction) => {
    await slugs.claim(transaction, { slug: 'anna', userId: 'nobody', now: NOW })
  })
  await failing.then(
    () => assert.unreachable('a slug without a user was stored'),
    (error: unknown) => assert.not.instance(error, DatabaseUnavailable),
  )
  assert.is(await count(database.main, 'slugs'), 0)
  assert.is(await createUser(database, newUser('anna')), true)
})

test.run()
