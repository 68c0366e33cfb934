import type BetterSqlite3 from 'better-sqlite3'
import type { SqliteFile } from './locate.js'
import { makePrivate } from './private-files.js'

export type Hold = Pick<BetterSqlite3.Database, 'close'>

export function hold(file: SqliteFile): Hold {
  return locked(file, (lock) => {
    lock.exec('begin')
    lock.prepare('select 1 from sqlite_schema').get()
  })
}

export function holdAlone(file: SqliteFile): Hold {
  return locked(file, (lock) => lock.exec('begin exclusive'))
}

// Without WAL, SQLite releases locks on the database itself between statements, hence a second file.
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
