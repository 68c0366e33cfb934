import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes the folder, and those above it, for its owner alone; what is there already stays as it is. */
export function makeFolder(folder: string): void {
  // Not `recursive`: under /proc and the like Node 20 then tries for ever.
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

/**
 * Makes the file, empty and for its owner alone, if there is none. One that is there is not even opened: closing it
 * would drop every lock that SQLite holds on it in this process (POSIX; "How To Corrupt An SQLite Database File" 2.2),
 * and the next program to look at the database would clear away the log under the running site.
 */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

/** Whether no files can be made in a folder that is there, as on a disk that is mounted to be read. */
export function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return false
  } catch (error) {
    return isCode(error, 'EROFS') || isCode(error, 'EACCES')
  }
}

/** Lets the names in a folder survive a power cut. Windows has no such thing for folders. */
export function syncFolder(folder: string): void {
  if (process.platform === 'win32') return
  const opened = openSync(folder, 'r')
  try {
    fsyncSync(opened)
  } finally {
    closeSync(opened)
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
