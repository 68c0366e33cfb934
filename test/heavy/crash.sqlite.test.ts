import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { fileOf } from '../support/databases.js'
import { freshDatabase, Visitor } from '../support/helpers.js'
import { addressOf, launchSite, Program } from '../support/program.js'

const test = suite('a site that is killed')

async function names(address: string, ...wanted: string[]): Promise<string[]> {
  const acknowledged = []
  for (const name of wanted) {
    const { status } = await new Visitor(address).signUp(name)
    if (status === 303) acknowledged.push(name)
  }
  return acknowledged
}

/**
 * Opens the database from another program, which would remove the log if no process used the database. Returns why it
 * could not.
 */
async function openElsewhere(file: string): Promise<string> {
  const script = `
    import BetterSqlite3 from 'better-sqlite3'
    const database = new BetterSqlite3(${JSON.stringify(file)}, { timeout: 0 })
    try {
      console.log(database.pragma('journal_mode = delete', { simple: true }))
    } catch (error) {
      console.log(error.code)
    }
    database.close()
  `
  const program = new Program(['--input-type=module', '--eval', script], { cwd: root })
  assert.is(await program.end, 0, program.stderr)
  return program.stdout.trim()
}

test('keeps every acknowledged sign-up, even if others open its database', async () => {
  const url = await freshDatabase()
  const file = fileOf(url)
  const site = launchSite(dirname(file), { DATABASE_URL: url })
  const address = await addressOf(site)
  const before = await names(address, 'Before')
  assert.is(await openElsewhere(file), 'SQLITE_BUSY', 'the site locks its database')
  const after = await names(address, 'After one', 'After two', 'After three')
  site.signal('SIGKILL')
  await site.end

  const next = launchSite(dirname(file), { DATABASE_URL: url })
  await addressOf(next)
  const database = new BetterSqlite3(file, { readonly: true })
  const stored = database.prepare<[], string>('select name from users order by created_at').pluck().all()
  assert.equal(stored, [...before, ...after])
  assert.is(stored.length, 4)
  assert.is(database.pragma('integrity_check', { simple: true }), 'ok')
  database.close()
  next.signal('SIGINT')
  assert.is(await next.end, 0)
})

test.run()
