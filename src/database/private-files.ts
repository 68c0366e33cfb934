import { randomBytes } from 'node:crypto'
import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

export function makeFolder(folder: string): void {
  // Node 20 loops forever with `recursive` under /proc and similar.
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

/** Does not open an existing file: closing it would drop this process's SQLite locks (How To Corrupt, 2.2). */
export function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  }
}

/**
 * Returns a name beside the file for a draft of it. Containers that share a folder have the same process ids, so the name
 * is random.
 */
export function draftOf(file: string): string {
  return `${file}.${randomBytes(6).toString('hex')}.part`
}

export function isReadOnly(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return false
  } catch (error) {
    return isCode(error, 'EROFS') || isCode(error, 'EACCES')
  }
}

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
