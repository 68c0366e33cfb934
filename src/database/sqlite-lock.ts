import type BetterSqlite3 from 'better-sqlite3'
import type { SqliteFile } from './locate.js'
import { makePrivate } from './private-files.js'

export type FileLock = Pick<BetterSqlite3.Database, 'close'>

export function lockShared(file: SqliteFile): FileLock {
  return openLocked(file, (lock) => {
    lock.exec('begin')
    lock.prepare('select 1 from sqlite_schema').get()
  })
}

export function lockExclusive(file: SqliteFile): FileLock {
  return openLocked(file, (lock) => lock.exec('begin exclusive'))
}

// A second file, because without WAL, SQLite releases its locks between statements.
function openLocked(file: SqliteFile, take: (lock: BetterSqlite3.Database) => void): FileLock {
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
