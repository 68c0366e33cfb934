import { createReadStream, createWriteStream, existsSync, linkSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type BetterSqlite3 from 'better-sqlite3'
import { errorText } from '../base/error-text.js'
import { refuseOthers } from './foreign-tables.js'
import { locate, type SqliteFile } from './locate.js'
import type { DatabaseLocation } from './location.js'
import { draftOf, isCode, makeFolder, makePrivate, syncFolder } from './private-files.js'
import { isBusy, translateErrors } from './sqlite.js'
import { type FileLock, lockExclusive, lockShared } from './sqlite-lock.js'

export type OnPages = (pages: { done: number; total: number }) => void

const PAGES_PER_STEP = 1_000

const SIDE_FILES = ['-wal', '-shm', '-journal']

/** The copy gets its name only once it is flushed and checked. Returns the number of users in it. */
export async function backUp(location: DatabaseLocation, target: string, onPages: OnPages): Promise<number> {
  const file = fileAt(location)
  if (existsSync(target)) throw new Error(`${target} already exists. Nothing was written.`)
  if (!existsSync(dirname(target))) throw new Error(`Folder not found: ${dirname(target)}.`)
  const draft = draftOf(target)
  const inUse = translateErrors(() => lockShared(file))
  try {
    makePrivate(draft)
    await copyPages(file, draft, onPages)
    const users = checkAndCountUsers(file, draft, `Could not back up ${file.name}`)
    link(draft, target)
    return users
  } finally {
    remove(draft)
    inUse.close()
  }
}

function fileAt(location: DatabaseLocation): SqliteFile {
  const located = locate(location)
  if (located.kind === 'file') return located.file
  throw new Error(
    'This command is for SQLite. For PostgreSQL, use pg_dump and pg_restore: see docs/backup.md.',
  )
}

async function copyPages(file: SqliteFile, draft: string, onPages: OnPages): Promise<void> {
  const connection = file.open(file.path, { fileMustExist: true, timeout: 1_000 })
  try {
    beginReading(connection)
    await connection.backup(draft, {
      progress({ totalPages, remainingPages }) {
        onPages({ done: totalPages - remainingPages, total: totalPages })
        return PAGES_PER_STEP
      },
    })
  } finally {
    connection.close()
  }
}

// In WAL mode, reading inside a transaction keeps writes of other processes from restarting the backup
// (sqlite.org/backup.html). Without WAL it would block them.
function beginReading(connection: BetterSqlite3.Database): void {
  if (connection.pragma('journal_mode', { simple: true }) !== 'wal') return
  connection.exec('begin')
  connection.prepare('select 1 from sqlite_schema').get()
}

function checkAndCountUsers({ open }: SqliteFile, path: string, what: string): number {
  const connection = open(path, { fileMustExist: true })
  try {
    refuseOthers(connection)
    refuseDamaged(connection)
    return connection.prepare<[], number>('select count(*) from users').pluck().get() ?? 0
  } catch (error) {
    throw new Error(`${what}: ${errorText(error)}.`, { cause: error })
  } finally {
    connection.close()
  }
}

function refuseDamaged(connection: BetterSqlite3.Database): void {
  const problem = connection.pragma('integrity_check(1)', { simple: true })
  if (problem !== 'ok') throw new Error(`it is damaged (${problem})`)
  const [lost] = connection.prepare('pragma foreign_key_check').all()
  if (lost !== undefined) throw new Error('it is damaged (a row refers to a missing row)')
}

// Unlike rename(), link() never overwrites a file.
function link(draft: string, target: string): void {
  try {
    linkSync(draft, target)
  } catch (error) {
    if (isCode(error, 'EEXIST')) throw new Error(`${target} already exists. Nothing was written.`)
    throw error
  }
  syncFolder(dirname(target))
}

function remove(draft: string): void {
  for (const ending of ['', ...SIDE_FILES]) rmSync(draft + ending, { force: true })
}

export interface Restored {
  users: number
  previous: string | undefined
}

/** Keeps the previous file beside the new one. */
export async function restore(location: DatabaseLocation, backup: string, now: Date): Promise<Restored> {
  const file = fileAt(location)
  if (!existsSync(backup)) throw new Error(`File not found: ${backup}.`)
  if (SIDE_FILES.some((ending) => ending !== '-shm' && existsSync(backup + ending))) {
    throw new Error(
      `${backup} is in use or was not closed properly. Back it up with gatehouse backup, then restore that.`,
    )
  }
  makeFolder(dirname(file.path))
  const lock = lockUnused(file)
  const draft = draftOf(file.path)
  try {
    emptyLog(file)
    const written = createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true })
    await pipeline(createReadStream(backup), written)
    const users = checkAndCountUsers(file, draft, `Could not restore ${backup}`)
    const previous = keepPrevious(file, now)
    renameSync(draft, file.path)
    syncFolder(dirname(file.path))
    return { users, previous }
  } catch (error) {
    throw isBusy(error) ? inUseError(file) : error
  } finally {
    remove(draft)
    lock.close()
  }
}

function lockUnused(file: SqliteFile): FileLock {
  try {
    return lockExclusive(file)
  } catch (error) {
    throw isBusy(error) ? inUseError(file) : error
  }
}

function inUseError({ name }: SqliteFile): Error {
  return new Error(`The database ${name} is in use. Stop the site and anything else that has it open.`)
}

// In WAL mode every open connection holds a lock, so an exclusive one fails if the file is in use.
function emptyLog(file: SqliteFile): void {
  if (!existsSync(file.path)) return
  const connection = file.open(file.path, { timeout: 0 })
  try {
    connection.pragma('locking_mode = exclusive')
    connection.exec('begin exclusive; rollback')
    connection.pragma('wal_checkpoint(truncate)')
  } catch (error) {
    // A damaged file is a reason to restore.
    if (isBusy(error)) throw error
  } finally {
    connection.close()
  }
}

function keepPrevious({ path }: SqliteFile, now: Date): string | undefined {
  const previous = `${path}-before-${now.toISOString().replaceAll(/[:.]/g, '-')}`
  for (const ending of SIDE_FILES) {
    if (existsSync(path + ending)) renameSync(path + ending, previous + ending)
  }
  if (!existsSync(path)) return undefined
  linkSync(path, previous)
  return previous
}
