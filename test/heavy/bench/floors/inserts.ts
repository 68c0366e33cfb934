/* F4: one INSERT after another, each flushed to the disk, as a login is before its response. */
import { randomBytes } from 'node:crypto'
import BetterSqlite3 from 'better-sqlite3'
import { runRounds } from './rounds.js'

const [file = ''] = process.argv.slice(2)

const database = new BetterSqlite3(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('create table rows (token text primary key, content text not null)')
const insert = database.prepare('insert into rows (token, content) values (?, ?)')

runRounds(async () => {
  insert.run(randomBytes(32).toString('base64url'), 'x'.repeat(200))
})
