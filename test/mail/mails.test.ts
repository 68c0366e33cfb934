import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MINUTE, SECOND } from '../../src/base/durations.js'
import { sql } from '../../src/database/kysely.js'
import { isPostgresUrl } from '../../src/database/locate.js'
import { migrateDatabase } from '../../src/database/migrate.js'
import * as mails from '../../src/tables/mails.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import { migratedDatabase } from '../support/helpers.js'
import { createUser, NOW, newUser } from '../support/rows.js'

interface Context {
  url: string
  database: Database
  /** The same database, opened by another process. */
  other: Database
}

const test = suite<Context>('the mails table')
const LEASE = 30 * SECOND

test.before.each(async (context) => {
  context.url = await migratedDatabase()
  context.database = await openDatabase(context.url)
  context.other = await openDatabase(context.url)
})

test.after.each(async ({ database, other }) => {
  await database.close()
  await other.close()
})

function newMail(id: string, dueAt = NOW): mails.NewMail {
  return { id, kind: 'email-confirm', userId: null, facts: 'facts', dueAt }
}

function insert({ write }: Database, ...added: mails.NewMail[]): Promise<void> {
  return write((transaction) => mails.insert(transaction, added))
}

function claim(
  database: Database,
  now = NOW,
  limit = 10,
  except: string[] = [],
): Promise<mails.StoredMail[]> {
  return database.write((transaction) => mails.claim(transaction, { now, lease: LEASE, limit, except }))
}

async function taken(database: Database): Promise<mails.StoredMail> {
  await insert(database, newMail('mail'))
  const [mail] = await claim(database)
  if (mail === undefined) throw new Error('It was not claimed.')
  return mail
}

function byId({ main }: Database): Promise<mails.StoredMail | undefined> {
  return mails.byId(main, 'mail')
}

test('an email that is posted twice is stored once', async ({ database }) => {
  await insert(database, newMail('mail'), newMail('other'))
  await insert(database, { ...newMail('mail'), facts: 'others' })
  assert.is((await byId(database))?.facts, 'facts')
  assert.is((await claim(database)).length, 2)
})

test('two nodes that claim emails in parallel never claim the same one', async ({ database, other }) => {
  const ids = Array.from({ length: 40 }, (_, index) => `mail ${index}`)
  await insert(database, ...ids.map((id) => newMail(id)))
  const take = async (from: Database) => {
    const all: string[] = []
    for (let found = await claim(from, NOW, 3); found.length > 0; found = await claim(from, NOW, 3)) {
      assert.ok(found.length <= 3)
      all.push(...found.map(({ id }) => id))
    }
    return all
  }
  const both = await Promise.all([take(database), take(other)])
  assert.equal(both.flat().sort(), ids.sort())
})

test('claims come oldest first, only due ones, and without the excepted ones', async ({ database }) => {
  await insert(database, newMail('b', NOW - 1), newMail('a', NOW - 2), newMail('c', NOW + 1), newMail('d'))
  assert.equal(
    (await claim(database, NOW, 1)).map(({ id }) => id),
    ['a'],
  )
  assert.equal(
    (await claim(database, NOW, 10, ['b'])).map(({ id }) => id),
    ['d'],
  )
})

test('another node can claim an email when its lease has ended', async ({ database, other }) => {
  const mail = await taken(database)
  assert.equal(await claim(other, NOW + LEASE - 1), [])
  assert.is(await mails.extendLease(database.main, mail, NOW + 2 * LEASE), true)
  assert.equal(await claim(other, NOW + LEASE), [])
  const [again] = await claim(other, NOW + 2 * LEASE)
  assert.is(again?.tries, 2)
})

test('a node whose claim has ended can no longer change the email', async ({ database, other }) => {
  const late = await taken(database)
  const [mail] = await claim(other, NOW + LEASE)
  assert.ok(mail)
  const { main } = database
  assert.is(await mails.extendLease(main, late, NOW + MINUTE), false)
  assert.is(await mails.prepare(main, late, { userId: 'nobody', prepared: 'late' }), false)
  assert.is(await mails.markFailed(main, late, { now: NOW, refusals: 2, problem: 'late' }), false)
  await mails.retry(main, late, { dueAt: NOW, refusals: 1, problem: 'late' })
  await mails.sent(main, late, { now: NOW })
  await mails.remove(main, late)
  assert.equal(await byId(database), mail)
})

test('a sent email keeps none of its content', async ({ database }) => {
  const mail = await taken(database)
  await createUser(database, newUser('anna'))
  assert.is(await mails.prepare(database.main, mail, { userId: 'id of anna', prepared: 'secret' }), true)
  await mails.sent(database.main, mail, { now: NOW })
  const { facts, prepared, state, userId } = (await byId(database)) ?? mail
  assert.equal(
    { facts, prepared, state, userId },
    { facts: '', prepared: '', state: 'sent', userId: 'id of anna' },
  )
})

test('only a failed email can be queued again', async ({ database }) => {
  const mail = await taken(database)
  assert.is(await mails.requeue(database.main, 'mail', NOW), false)
  assert.is(await mails.markFailed(database.main, mail, { now: NOW, refusals: 2, problem: 'no' }), true)
  assert.equal(await claim(database, NOW + LEASE), [])
  assert.is((await byId(database))?.facts, 'facts')
  assert.is(await mails.requeue(database.main, 'mail', NOW + LEASE), true)
  const [again] = await claim(database, NOW + LEASE)
  assert.is(again?.refusals, 0)
  assert.is(again?.createdAt, NOW + LEASE)
  assert.is(again?.tries, 2, 'the count continues, so that an earlier claim stays invalid')
})

test('old sent and failed emails are swept in batches, and waiting ones stay', async ({ database }) => {
  const ids = ['sent', 'failed', 'new', 'waiting']
  await insert(database, ...ids.map((id) => newMail(id)))
  const found = new Map((await claim(database)).map((mail) => [mail.id, mail]))
  const mail = (id: string) => found.get(id) ?? { id, tries: 1 }
  await mails.sent(database.main, mail('sent'), { now: NOW - 10 })
  await mails.markFailed(database.main, mail('failed'), { now: NOW - 20, refusals: 0, problem: '' })
  await mails.sent(database.main, mail('new'), { now: NOW })
  const sweep = () => mails.sweep(database.loose, { sentUntil: NOW - 9, failedUntil: NOW - 19, batch: 1 })
  assert.equal([await sweep(), await sweep(), await sweep()], [1, 1, 0])
  const left = await mails.list(database.main, { states: ['waiting', 'sent', 'failed'], limit: 10 })
  assert.equal(left.map(({ id }) => id).sort(), ['new', 'waiting'])
})

test('emails that failed under the former name of the state still count as failed', async ({
  url,
  database,
}) => {
  await insert(database, newMail('old'), newMail('new'))
  const [mail] = await claim(database)
  await mails.markFailed(
    database.main,
    { id: 'old', tries: mail?.tries ?? 1 },
    { now: NOW, refusals: 0, problem: '' },
  )
  await sql`update mails set state = 'dead' where id = 'old'`.execute(database.main)
  await sql`delete from kysely_migration where name = '0030-failed-mails'`.execute(database.main)
  await migrateDatabase(url)
  const found = await mails.list(database.main, { states: ['failed'], limit: 10 })
  assert.equal(
    found.map(({ id }) => id),
    ['old'],
  )
})

test('on PostgreSQL, a claim does not wait for another node’s claim', async ({ url, database, other }) => {
  if (!isPostgresUrl(url)) return
  await insert(database, newMail('a', NOW - 1), newMail('b'))
  await database.write(async (transaction) => {
    await transaction.selectFrom('mails').selectAll().where('id', '=', 'a').forUpdate().execute()
    const found = await claim(other)
    assert.equal(
      found.map(({ id }) => id),
      ['b'],
    )
  })
})

test.run()
