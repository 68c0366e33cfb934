import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isPostgresUrl } from '../../src/database/locate.js'
import type { AccountEvent, Hooks } from '../../src/index.js'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, assertRefused, callGatehouse } from '../support/calling.js'
import { migratedDatabase, Site, until } from '../support/helpers.js'
import { createUser, newUser } from '../support/rows.js'

/* A host app with a table that refers to users without "on delete". */

const test = suite<{ database: string }>('deleting accounts')

const OLD = Date.UTC(2020, 0, 1)

test.before.each(async (context) => {
  context.database = await migratedDatabase()
})

interface Told {
  events: AccountEvent[]
  onEvent: (event: AccountEvent) => void
}

function listener(): Told {
  const events: AccountEvent[] = []
  return { events, onEvent: (event) => void (event.kind === 'account_erased' && events.push(event)) }
}

/** Creates accounts that were closed long ago, each with a note in the app's table if it is kept. */
async function closed(database: string, users: Readonly<Record<string, 'kept' | 'free'>>): Promise<void> {
  const opened = await openDatabase(database)
  for (const name of Object.keys(users)) assert.ok(await createUser(opened, newUser(name)))
  await opened.close()
  const site = await Site.start({ database, now: () => OLD })
  await site.write(
    'create table notes (id integer primary key, author text constraint notes_author references users(id))',
  )
  for (const [index, [name, state]] of Object.entries(users).entries()) {
    if (state === 'kept') await site.write(`insert into notes values (${index}, 'id of ${name}')`)
  }
  await site.write(`update users set closed_at = ${OLD}, erase_at = ${OLD + 1}`)
  await site.close()
}

async function names(site: Site): Promise<string[]> {
  return (await site.rows<{ name: string }>('select name from users order by name')).map(({ name }) => name)
}

function warnings(site: Site): Record<string, unknown>[] {
  return site.logs.map((line) => JSON.parse(line)).filter(({ level }) => level === 40)
}

const deleteNotes: NonNullable<Hooks['duringErase']> = async (transaction, user) => {
  await transaction
    .withTables<{ notes: { id: number; author: string } }>()
    .deleteFrom('notes')
    .where('author', '=', user.id)
    .execute()
}

test('accounts that the app’s table keeps are logged and tried again', async ({ database }) => {
  const kept = Array.from({ length: 60 }, (_, index) => `kept${String(index).padStart(2, '0')}`)
  await closed(database, { ...Object.fromEntries(kept.map((name) => [name, 'kept'])), zfree: 'free' })
  const { events, onEvent } = listener()
  const site = await Site.start({ database, onEvent })
  await site.write("insert into limits values ('old', 1, 1)")
  await until(async () => !(await names(site)).includes('zfree') && events.length > 0)
  assert.equal(await names(site), kept)
  assert.equal(
    events.map(({ userId, about }) => [userId, about]),
    [['id of zfree', 'sweep']],
  )
  await until(async () => warnings(site).length >= 21)
  const said = warnings(site)
  assert.is(said.length, 21, '20 accounts, and that there are more')
  const [first = {}] = said
  assert.is(first.table, 'notes')
  assert.is(first.constraint, isPostgresUrl(database) ? 'notes_author' : 'notes.author')
  assert.match(String(first.user), /^id of kept/)
  assert.not.match(JSON.stringify(said), '@example.com')
  await site.write('delete from notes')
  await site.close()
  const later = await Site.start({ database })
  await until(async () => (await names(later)).length === 0)
  assert.equal(await names(later), [])
  await later.close()
})

test('a row that cannot be deleted does not stop the sweep', async ({ database }) => {
  const site = await Site.start({ database, now: () => OLD })
  await site.visitor().settle('Anna')
  // After the time of this site, whose own sweep must not delete them.
  await site.write(`insert into slugs (slug, user_id, until) select 'former', id, ${OLD + 1} from users`)
  await site.write(`insert into slugs (slug, user_id, until) select 'late', id, ${OLD + 2} from users`)
  await site.write('create table visits (slug text references slugs(slug))')
  await site.write("insert into visits values ('former')")
  // The next site would send an email that still waits, with a new token.
  await site.allSent()
  await site.close()
  const later = await Site.start({ database })
  await until(async () => (await later.rows("select 1 from slugs where slug = 'late'")).length === 0)
  const slugs = await later.rows<{ slug: string }>('select slug from slugs order by slug')
  assert.equal(
    slugs.map(({ slug }) => slug),
    ['anna', 'former'],
  )
  assert.equal(
    warnings(later).map(({ from }) => from),
    ['slugs'],
  )
  await until(async () => (await later.rows('select 1 from tokens')).length === 0)
  assert.equal(await later.rows('select 1 from tokens'), [], 'tables after it are swept')
  await later.close()
})

test('duringErase runs in the transaction, and its error keeps only that account', async ({ database }) => {
  await closed(database, { anna: 'kept', bela: 'kept', cleo: 'kept' })
  const { events, onEvent } = listener()
  const hooks: Hooks = {
    async duringErase(transaction, user) {
      await deleteNotes(transaction, user)
      if (user.name === 'bela') throw new Error('bela owes us money')
    },
  }
  const site = await Site.start({ database, hooks, onEvent })
  await until(async () => events.length === 2)
  assert.equal(await names(site), ['bela'])
  assert.equal(await site.rows('select author from notes'), [{ author: 'id of bela' }])
  assert.equal(events.map(({ userId }) => userId).sort(), ['id of anna', 'id of cleo'])
  await until(async () => warnings(site).length > 0)
  const [said = {}] = warnings(site)
  assert.is(said.user, 'id of bela')
  assert.match(JSON.stringify(said.err), 'owes us money')
  await site.close()
})

test('gatehouse check names the table that keeps accounts from being deleted', async ({ database }) => {
  await closed(database, { anna: 'kept' })
  const settings = { MAIL: 'off', SESSION_KEYS: Buffer.alloc(32, 7).toString('base64url') }
  const found = await callGatehouse(['check'], { database, settings })
  assert.is(found.code, 1)
  assert.match(found.stdout, /^✘ erasures: .*id of anna.*table notes.*notes.author/m)
  const site = await Site.start({ database, hooks: { duringErase: deleteNotes } })
  await until(async () => (await names(site)).length === 0)
  await site.close()
  assert.not.match((await callGatehouse(['check'], { database, settings })).stdout, 'erasures')
})

test('gatehouse users delete names the table, and onEvent gets deleted accounts', async ({ database }) => {
  await closed(database, { anna: 'kept', bela: 'free' })
  const refused = await callGatehouse(['users', 'delete', 'anna', '--yes'], { database })
  assertRefused(refused, 1, /^Could not delete anna\. The table notes still refers to the account/)
  assertDone(await callGatehouse(['users', 'delete', 'bela', '--yes'], { database }))
  const { events, onEvent } = listener()
  const site = await Site.start({ database, onEvent })
  await until(async () => events.length > 0)
  assert.equal(
    events.map(({ userId, about }) => [userId, about]),
    [['id of bela', 'gatehouse users delete']],
  )
  assert.equal(await site.rows('select 1 from erasures'), [], 'once')
  await site.close()
})

for (const held of [true, false]) {
  test(`denying an account ${held ? 'shows an error while a table keeps it' : 'tells the host app'}`, async ({
    database,
  }) => {
    const { events, onEvent } = listener()
    const site = await Site.start({ database, onEvent, hooks: held ? {} : { duringErase: deleteNotes } })
    await site.write('create table notes (id integer primary key, author text references users(id))')
    await site.visitor().signUp('Anna')
    await site.write('insert into notes select 1, id from users')
    const [user] = await site.rows<{ id: string }>('select id from users')
    const [mail] = await site.mails('Anna@example.com', 1)
    const owner = site.visitor()
    assert.ok(mail)
    await owner.follow(mail)
    const page = await owner.send(await owner.open('/email/confirm/deny/'))
    if (held) {
      assert.is(page.status, 503)
      assert.match(page.messages().join(), 'The account cannot be deleted right now')
      assert.is((await names(site)).length, 1)
      assert.ok(site.logs.some((line) => line.includes('"level":50') && line.includes('"table":"notes"')))
    } else {
      assert.is(page.status, 303)
      await until(async () => events.length > 0)
      const [told] = events
      assert.equal([told?.userId, told?.about, told?.address], [user?.id, 'denial', '127.0.0.1'])
    }
    await site.close()
  })
}

test.run()
