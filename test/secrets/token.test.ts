import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as tokens from '../../src/tables/tokens.js'
import { migratedDatabase } from '../support/helpers.js'
import { createUser, NOW, newUser } from '../support/rows.js'

const test = suite<{ database: Database }>('the tokens table')
const PURPOSE = 'email-confirm'
const OWNER = { userId: 'id of anna', purpose: PURPOSE } as const

test.before.each(async (context) => {
  context.database = await openDatabase(await migratedDatabase())
  await createUser(context.database, newUser('anna'))
  await createUser(context.database, newUser('bela'))
})

test.after.each(({ database }) => database.close())

function insert({ write }: Database, hash: string, changes: Partial<tokens.NewToken> = {}): Promise<void> {
  const token: tokens.NewToken = {
    hash,
    ...OWNER,
    email: 'Anna@example.com',
    emailKey: 'anna@example.com',
    codeMac: `mac of ${hash}`,
    codeExpiresAt: NOW + 100,
    now: NOW,
    expiresAt: NOW + 1000,
    ...changes,
  }
  return write((transaction) => tokens.insert(transaction, token))
}

function use({ write }: Database, hash: string, now = NOW, purpose: tokens.Purpose = PURPOSE) {
  return write((transaction) => tokens.use(transaction, { hash, purpose, now }))
}

function tryCode({ write }: Database, { now = NOW, tries = 5 } = {}) {
  return write((transaction) => tokens.tryCode(transaction, { ...OWNER, now, tries }))
}

test('50 parallel uses of a token succeed once', async ({ database }) => {
  await insert(database, 'hash')
  const used = await Promise.all(Array.from({ length: 50 }, () => use(database, 'hash')))
  assert.is(used.filter(Boolean).length, 1)
  assert.is((await tokens.byHash(database.main, 'hash', PURPOSE))?.usedAt, NOW)
})

test('an expired token, or one for another purpose, does not work', async ({ database }) => {
  await insert(database, 'hash')
  assert.is(await use(database, 'hash', NOW + 1000), undefined)
  assert.is(await use(database, 'hash', NOW, 'password-reset'), undefined)
  assert.is(await use(database, 'another'), undefined)
  assert.is((await use(database, 'hash', NOW + 999))?.email, 'Anna@example.com')
})

test('50 parallel attempts at a code get only as many tries as allowed', async ({ database }) => {
  await insert(database, 'hash')
  const tried = await Promise.all(Array.from({ length: 50 }, () => tryCode(database)))
  assert.is(tried.filter(Boolean).length, 5)
  const [first] = tried.filter((one) => one?.tries === 1)
  assert.equal(first, { hash: 'hash', codeMac: 'mac of hash', tries: 1 })
  assert.is(await tryCode(database), undefined)
  assert.ok(await use(database, 'hash'), 'the link still works')
})

test('only the code of the newest email works, but all links do', async ({ database }) => {
  await insert(database, 'older')
  await insert(database, 'newer')
  assert.is((await tryCode(database))?.hash, 'newer')
  assert.ok(await use(database, 'older'))
  assert.ok(await use(database, 'newer'))
})

test('parallel emails leave one code', async ({ database }) => {
  await Promise.all(Array.from({ length: 20 }, (_, index) => insert(database, `hash ${index}`)))
  const codes = await database.main
    .selectFrom('tokens')
    .select('hash')
    .where('code_mac', 'is not', null)
    .execute()
  assert.is(codes.length, 1)
})

test('a code does not work once it has expired or its token is used', async ({ database }) => {
  await insert(database, 'hash')
  assert.is(await tryCode(database, { now: NOW + 100 }), undefined)
  await use(database, 'hash')
  assert.is(await tryCode(database), undefined)
})

test('a repeated email extends its token, unless the token is used', async ({ database }) => {
  await insert(database, 'hash')
  const later = { expiresAt: NOW + 5000, codeExpiresAt: NOW + 4000 }
  await tokens.extend(database.main, 'hash', later)
  assert.is((await tryCode(database, { now: NOW + 3999 }))?.hash, 'hash')
  assert.ok(await use(database, 'hash', NOW + 4999))
  await tokens.extend(database.main, 'hash', { expiresAt: NOW + 9000, codeExpiresAt: NOW + 9000 })
  assert.is((await tokens.byHash(database.main, 'hash', PURPOSE))?.expiresAt, NOW + 5000)
})

test('revoking ends one user’s tokens for the given purposes only', async ({ database }) => {
  await insert(database, 'hash')
  await insert(database, 'reset', { purpose: 'password-reset' })
  await insert(database, 'of bela', { userId: 'id of bela' })
  await tokens.revoke(database.main, 'id of anna', ['email-confirm', 'email-change'])
  assert.is(await use(database, 'hash'), undefined)
  assert.ok(await use(database, 'reset', NOW, 'password-reset'))
  assert.ok(await use(database, 'of bela'))
})

test('an email address is reserved while its change can be undone', async ({ database }) => {
  const { main } = database
  await insert(database, 'hash', { purpose: 'email-undo', codeMac: null })
  const isHeld = (options: { now: number; userId?: string }) =>
    tokens.isHeld(main, 'anna@example.com', options)
  assert.is(await isHeld({ now: NOW }), true)
  assert.is(await isHeld({ now: NOW, userId: 'id of bela' }), true)
  assert.is(await isHeld({ now: NOW, userId: 'id of anna' }), false)
  assert.is(await isHeld({ now: NOW + 1000 }), false)
  await use(database, 'hash', NOW, 'email-undo')
  assert.is(await isHeld({ now: NOW }), false)
})

test('expired tokens are swept in batches, and deleted users lose theirs', async ({ database }) => {
  for (let index = 0; index < 5; index++) await insert(database, `old ${index}`, { expiresAt: NOW - 1 })
  await insert(database, 'living')
  const sweep = () => tokens.sweep(database.loose, { until: NOW, batch: 3 })
  assert.equal([await sweep(), await sweep(), await sweep()], [3, 2, 0])
  assert.is((await tokens.ofUser(database.main, 'id of anna')).length, 1)
  await database.main.deleteFrom('users').execute()
  assert.equal(await tokens.ofUser(database.main, 'id of anna'), [])
})

test('50 parallel uses of a code succeed once, and none after its link was used', async ({ database }) => {
  const spend = (hash: string) =>
    database.write((transaction) => tokens.spendCode(transaction, hash, PURPOSE))
  await insert(database, 'hash')
  const spent = await Promise.all(Array.from({ length: 50 }, () => spend('hash')))
  assert.is(spent.filter(Boolean).length, 1)
  await insert(database, 'other')
  await use(database, 'other')
  assert.is(await spend('other'), undefined)
})

test('revokeLater revokes later tokens, whatever the clocks show', async ({ database }) => {
  await insert(database, 'first')
  await insert(database, 'second', { now: NOW - 1000 })
  const first = await tokens.byHash(database.main, 'first', PURPOSE)
  assert.ok(first)
  await database.write((transaction) => tokens.revokeLater(transaction, first))
  assert.is(await tokens.byHash(database.main, 'second', PURPOSE), undefined)
  assert.ok(await tokens.byHash(database.main, 'first', PURPOSE))
})

test.run()
