import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import BetterSqlite3 from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openDatabase } from '../../src/tables/schema.js'
import { assertDone, assertRefused, callGatehouse, IN_CONTAINER, type Outcome } from '../support/calling.js'
import { fileOf, freshFile, rows, write } from '../support/databases.js'
import { Site, Visitor } from '../support/helpers.js'
import { addressOf, launchSite, type Program } from '../support/program.js'

interface Context {
  database: string
  backup: string
}

const test = suite<Context>('gatehouse restore')

const original = freshFile()

/** Creates a site with one user, its backup, and a later user. */
test.before(async () => {
  const site = await Site.start({ database: original })
  await site.visitor().settle('Anna')
  assertDone(await callGatehouse(['backup', `${fileOf(original)}.backup`], { database: original }))
  await site.visitor().signUp('Bela')
  await site.close()
})

test.before.each((context) => {
  context.database = freshFile()
  context.backup = `${fileOf(context.database)}.backup`
  for (const ending of ['', '.key', '.backup']) {
    copyFileSync(fileOf(original) + ending, fileOf(context.database) + ending)
  }
})

function restore({ database, backup }: Context): Promise<Outcome> {
  return callGatehouse(['restore', backup], { database, apart: true })
}

async function namesIn(file: string): Promise<string[]> {
  const found = await rows<{ name: string }>(`sqlite:${file}`, 'select name from users order by name')
  return found.map(({ name }) => name)
}

function oldPathIn({ stdout }: Outcome): string {
  return /^The old database is now (.+)\.$/m.exec(stdout)?.[1] ?? ''
}

function launch({ database }: Context): Program {
  return launchSite(dirname(fileOf(database)), { DATABASE_URL: database })
}

test('restores the backup, and keeps the old database under the name it prints', async (context) => {
  const outcome = await restore(context)
  assertDone(outcome)
  const file = fileOf(context.database)
  assert.equal(await namesIn(file), ['Anna'])
  assert.equal(await namesIn(oldPathIn(outcome)), ['Anna', 'Bela'])
  assert.match(outcome.stdout, `The site decrypts it with the keys in ${file}.key.`)
  const site = await Site.start({ database: context.database })
  assert.is((await site.visitor().logIn('Anna')).status, 303)
  assert.is((await site.visitor().logIn('Bela')).status, 406)
  await site.close()
})

test('refuses while the site runs, but not after it was killed', async (context) => {
  const site = launch(context)
  const address = await addressOf(site)
  assert.is((await new Visitor(address).signUp('Clara')).status, 303)
  assertRefused(await restore(context), 1, /^The database .+ is in use\. Stop the site/)
  assert.is((await new Visitor(address).logIn('Clara')).status, 303)
  site.signal('SIGKILL')
  await site.end
  assert.ok(existsSync(`${fileOf(context.database)}-wal`))
  const outcome = await restore(context)
  assertDone(outcome)
  assert.equal(await namesIn(fileOf(context.database)), ['Anna'])
  assert.equal(await namesIn(oldPathIn(outcome)), ['Anna', 'Bela', 'Clara'])
})

test('refuses until the last of several processes is gone', async (context) => {
  const sites = [launch(context), launch(context)]
  await Promise.all(sites.map(addressOf))
  for (const site of sites) {
    assertRefused(await restore(context), 1, /is in use/)
    site.signal('SIGKILL')
    await site.end
  }
  assertDone(await restore(context))
})

test('refuses while another program has the database open', async (context) => {
  const handle = new BetterSqlite3(fileOf(context.database))
  handle.prepare('select name from users').all()
  assertRefused(await restore(context), 1, /is in use/)
  handle.close()
  assertDone(await restore(context))
})

test('refuses while an app uses a file without WAL', async (context) => {
  const handle = new BetterSqlite3(fileOf(context.database))
  handle.pragma('journal_mode = delete')
  const database = await openDatabase({ sqlite: handle })
  assertRefused(await restore(context), 1, /is in use/)
  await database.close()
  handle.close()
  assertDone(await restore(context))
})

test('restores beside the draft that a killed run in a container left behind', async ({
  database,
  backup,
}) => {
  const draft = `${fileOf(database)}.1.part`
  writeFileSync(draft, 'Half a database.')
  assertDone(await callGatehouse(['restore', backup], { database, node: IN_CONTAINER }))
  assert.equal(await namesIn(fileOf(database)), ['Anna'])
  assert.is(readFileSync(draft, 'utf8'), 'Half a database.')
})

test('a site started meanwhile waits for the restored file', async ({ database }) => {
  const holder = new BetterSqlite3(`${fileOf(database)}-in-use`)
  holder.exec('begin exclusive')
  const opening = openDatabase(database)
  assert.is(await Promise.race([opening, pause(500, 'it waits')]), 'it waits')
  holder.close()
  await (await opening).close()
})

for (const [what, spoil, sentence] of [
  [
    'no database',
    (file: string) => writeFileSync(file, 'A letter.\n'.repeat(1000)),
    /^Could not restore .*: file is not/,
  ],
  [
    'empty',
    (file: string) => writeFileSync(file, ''),
    /^Could not restore .*: it is not a Gatehouse database/,
  ],
  [
    'another program’s',
    (file: string) => {
      rmSync(file)
      new BetterSqlite3(file).exec('create table notes (text)').close()
    },
    /^Could not restore .*: it is not a Gatehouse database/,
  ],
  [
    'of a newer version',
    (file: string) => write(`sqlite:${file}`, "insert into kysely_migration values ('9999-later', '')"),
    /^Could not restore .*: a newer version of Gatehouse has migrated it/,
  ],
  [
    'damaged',
    (file: string) => overwrite(file),
    /^Could not restore .*: (?:it is damaged|database disk image)/,
  ],
] as const) {
  test(`refuses a backup that is ${what}, and changes nothing`, async (context) => {
    await spoil(context.backup)
    const file = fileOf(context.database)
    const before = readFileSync(file)
    const names = readdirSync(dirname(file)).filter((name) => !name.endsWith('-in-use'))
    assertRefused(await restore(context), 1, sentence)
    assert.ok(readFileSync(file).equals(before))
    assert.equal(
      readdirSync(dirname(file)).filter((name) => !name.endsWith('-in-use')),
      names,
    )
  })
}

/** Damages all pages except the first ones, with the schema. */
function overwrite(file: string): void {
  const content = readFileSync(file)
  content.fill(7, content.length / 2)
  writeFileSync(file, content)
}

test('replaces a damaged database without its old log', async (context) => {
  const file = fileOf(context.database)
  overwrite(file)
  writeFileSync(file, 'x'.repeat(8192), { flag: 'r+' })
  writeFileSync(`${file}-wal`, 'not a log')
  const outcome = await restore(context)
  assertDone(outcome)
  assert.equal(await namesIn(file), ['Anna'])
  assert.ok(existsSync(oldPathIn(outcome)))
  assert.not.ok(existsSync(`${file}-wal`))
})

test('sets up a new site from a backup with its key', async ({ database, backup }) => {
  copyFileSync(`${fileOf(database)}.key`, `${backup}.key`)
  const anew = freshFile()
  writeFileSync(`${fileOf(anew)}-wal`, 'of a database that is gone')
  const outcome = await callGatehouse(['restore', backup], { database: anew, apart: true })
  assertDone(outcome)
  assert.match(outcome.stdout, `Its keys are now in ${fileOf(anew)}.key.`)
  assert.not.match(outcome.stdout, 'former')
  assert.ok(readFileSync(`${fileOf(anew)}.key`).equals(readFileSync(`${backup}.key`)))
  assert.equal(await namesIn(fileOf(anew)), ['Anna'])
  assert.not.ok(existsSync(`${fileOf(anew)}-wal`))
})

test('wrong usage gets an error that says what is missing', async ({ database, backup }) => {
  assertRefused(await callGatehouse(['restore'], { database }), 2, /gatehouse restore <file>/)
  assertRefused(await callGatehouse(['restore', `${backup}-none`], { database }), 1, /^File not found: /)
})

test.run()
