import { fdatasyncSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { isCode } from './private-files.js'
import { DatabaseUnavailable } from './unavailable.js'

const NO_FILE = 2 ** 31 - 1

/** Whether Node flushes files: from version 24 on, `--permission` disables it. */
export function canFlush(): boolean {
  try {
    fdatasyncSync(NO_FILE)
  } catch (error) {
    return !isCode(error, 'ERR_ACCESS_DENIED')
  }
  return true
}

// Flushes the log outside of the event loop, once for many commits. Writes are durable once the log is, or once
// a checkpoint moved them into the file (sqlite.org/wal.html).
export class SqliteWal {
  readonly #path: string
  #file: Promise<FileHandle> | undefined
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = `${path}-wal`
  }

  toDisk(): Promise<void> {
    this.#next ??= this.#after(this.#last)
    return this.#next
  }

  async #after(last: Promise<void>): Promise<void> {
    await last.catch(() => {})
    // Includes the other commits of this turn of the event loop.
    await turn()
    this.#last = this.#next ?? last
    this.#next = undefined
    try {
      await (await this.#opened()).datasync()
    } catch (error) {
      throw error instanceof Error ? new DatabaseUnavailable({ soon: false, cause: error }) : error
    }
  }

  // Windows syncs only handles that can write.
  #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file
    const file = open(this.#path, 'r+')
    this.#file = file
    file.catch(() => {
      this.#file = undefined
    })
    return file
  }

  async close(): Promise<void> {
    await this.#next?.catch(() => {})
    await this.#last.catch(() => {})
    await (await this.#file)?.close()
  }
}
