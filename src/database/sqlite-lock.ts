import type BetterSqlite3 from 'better-sqlite3'
import type { SqliteFile } from './locate.js'
import { makePrivate } from './private-files.js'

/** Held until it is closed, or its process ends in whatever way. */
export type Hold = Pick<BetterSqlite3.Database, 'close'>

/** Shows that the file is in use. Any number may; throws SQLITE_BUSY while somebody has it alone. */
export function hold(file: SqliteFile): Hold {
  return locked(file, (lock) => {
    lock.exec('begin')
    lock.prepare('select 1 from sqlite_schema').get()
  })
}

/** Has the file alone: nobody else comes to use it. Throws SQLITE_BUSY if somebody does. */
export function holdAlone(file: SqliteFile): Hold {
  return locked(file, (lock) => lock.exec('begin exclusive'))
}

// A lock of SQLite on a file beside it: that of the file itself is let go between two statements where it is not WAL, and
// goes to the former file when another one takes its place.
function locked(file: SqliteFile, take: (lock: BetterSqlite3.Database) => void): Hold {
  const path = `${file.path}-in-use`
  makePrivate(path)
  const lock = file.open(path, { timeout: 0 })
  try {
    take(lock)
    return lock
  } catch (error) {
    lock.close()
    throw error
  }
}
