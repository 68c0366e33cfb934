import { once } from 'node:events'
import type { Socket } from 'node:net'
import pg from 'pg'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sql } from '../../src/database/kysely.js'
import { openDatabase } from '../../src/tables/schema.js'
import * as users from '../../src/tables/users.js'
import { freshDatabase, write } from '../support/databases.js'
import { Site } from '../support/helpers.js'
import { createUser, NOW, newUser } from '../support/rows.js'
import { type Front, inFrontOf, type Order, transactionPooler } from './pooler.js'

const test = suite('PostgreSQL behind a pooler')

const fronts: Front[] = []
test.after.each(() => {
  for (const { server } of fronts.splice(0)) server.close()
})

async function pooled(database: string, order: Order = 'first', sessions = 4): Promise<string> {
  const front = await transactionPooler(database, order, sessions)
  fronts.push(front)
  return front.database
}

/** What the next client would find in the pooler's sessions. */
async function leftBehind(database: string): Promise<unknown[]> {
  const clients = await Promise.all(Array.from({ length: 4 }, () => connected(database)))
  const states = []
  for (const client of clients) {
    await client.query('begin')
    const { rows } = await client.query(`select current_setting('lock_timeout') lock_timeout,
      current_setting('synchronous_commit') synchronous_commit, current_setting('search_path') search_path,
      (select count(*)::int from pg_prepared_statements) statements`)
    states.push(...rows)
  }
  for (const client of clients) {
    await client.query('rollback')
    await client.end()
  }
  return states
}

async function connected(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return client
}

const UNTOUCHED = Array.from({ length: 4 }, () => ({
  lock_timeout: '0',
  synchronous_commit: 'on',
  search_path: '"$user", public',
  statements: 0,
}))

for (const order of ['last', 'first', 'former'] as const) {
  test(`a site works behind a pooler that hands out the ${order} session, which keeps no settings`, async () => {
    const database = await pooled(await freshDatabase(), order)
    const site = await Site.start({ database })
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const visitor = await site.visitor({ htmx: index % 2 === 0 }).settle(`Anna${index}`)
        for (const path of ['/account/', '/account/devices/', '/account/activity/'])
          assert.is((await visitor.open(path)).status, 200)
        const typed = { username: `Bela${index}` }
        await visitor.send(await visitor.open('/account/name/'), typed)
        assert.match((await visitor.open('/account/')).text, `Bela${index}`)
        await visitor.send(await visitor.open('/logout/'))
        assert.is((await visitor.open('/account/')).status, 303)
      }),
    )
    assert.equal(
      site.logs.filter((line) => /"level":(?:40|50|60)/.test(line)),
      [],
    )
    await site.close()
    assert.equal(await leftBehind(database), UNTOUCHED)
  })
}

test('a schema of the app is found in every transaction', async () => {
  const direct = await freshDatabase()
  const database = await pooled(direct)
  const opened = await openDatabase({ url: database, schema: 'accounts' })
  assert.is(await createUser(opened, newUser('anna')), true)
  for (const name of ['bela', 'cleo', 'dora'])
    assert.is(await users.bySlug(opened.main, name, NOW), undefined)
  assert.is((await users.bySlug(opened.main, 'anna', NOW))?.slug, 'anna')
  await opened.close()
  assert.equal(await leftBehind(database), UNTOUCHED)
  const client = await connected(direct)
  const { rows } = await client.query('select slug from accounts.slugs')
  await client.end()
  assert.equal(rows, [{ slug: 'anna' }])
})

test('what was acknowledged survives a power cut, and no statement waits long for a lock', async () => {
  const direct = await freshDatabase()
  await write(direct, `alter database ${new URL(direct).pathname.slice(1)} set synchronous_commit = off`)
  const { main, loose, write: inTransaction, close } = await openDatabase(await pooled(direct))
  const settings = sql<{
    commit: string
    lock: string
  }>`select current_setting('synchronous_commit') as commit,
    current_setting('lock_timeout') as lock`
  const once = sql<{ commit: string }>`insert into keys (id, noted_at) values ('a', 1)
    returning current_setting('synchronous_commit') as commit`
  assert.equal((await inTransaction((transaction) => settings.execute(transaction))).rows, [
    { commit: 'on', lock: '1s' },
  ])
  assert.equal((await once.execute(main)).rows, [{ commit: 'on' }])
  await write(direct, 'delete from keys')
  assert.equal((await once.execute(loose)).rows, [{ commit: 'off' }])
  await close()
})

test('a transaction whose first statement fails leaves its session outside of a transaction', async () => {
  const database = await pooled(await freshDatabase(), 'last', 2)
  const { write: inTransaction, main, close } = await openDatabase(database)
  for (let index = 0; index < 4; index++) {
    const failed = inTransaction((transaction) => sql`select 1 / 0`.execute(transaction))
    assert.match(String(await failed.catch(String)), 'division by zero')
    assert.match(
      String(await sql`update keys set id = ${'a'}::int / 0`.execute(main).catch(String)),
      'integer',
    )
  }
  assert.equal((await main.selectFrom('users').select('id').execute()).length, 0)
  await close()
})

test('?pooling=transaction in the URL skips the detection at start', async () => {
  const two = await pooled(await freshDatabase(), 'last', 2)
  const database = await openDatabase(`${two}?pooling=transaction`)
  assert.is(await database.ready(), true)
  await database.close()
})

test('options in the URL are refused, because a pooler loses them', async () => {
  const database = await pooled(await freshDatabase())
  const error = await openDatabase(`${database}?options=-c%20search_path%3Daccounts`).catch(String)
  assert.match(String(error), 'a pooler in transaction mode loses the options of its address')
})

test('a server that serves one session at a time is refused', async () => {
  const { server, database } = await oneAtATime(await freshDatabase())
  const message = await openDatabase(database).then(() => 'It was opened.', String)
  server.close()
  assert.match(message, 'while one connection was in use, a second one failed')
})

/** The next client waits until the one before has gone. */
function oneAtATime(database: string): Promise<Front> {
  const waiting: (() => void)[] = []
  let isBusy = false
  const next = () => {
    const serve = waiting.shift()
    isBusy = serve !== undefined
    serve?.()
  }
  return inFrontOf(database, (client: Socket, upstream) => {
    waiting.push(() => {
      const session = upstream()
      client.pipe(session).pipe(client)
      void once(client, 'close').then(() => {
        session.destroy()
        next()
      })
    })
    if (!isBusy) next()
  })
}

test.run()
