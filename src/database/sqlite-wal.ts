import { type FileHandle, open } from 'node:fs/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { DatabaseUnavailable } from './unavailable.js'

/**
 * The log (WAL) of a SQLite file, which can be brought to the disk without the event loop waiting for it: SQLite itself
 * does that inside of a commit, with everybody waiting, and once for each. What is in the log lasts as soon as the log does,
 * or was brought into the file, which SQLite does in the right order under `synchronous = NORMAL` (sqlite.org, wal.html).
 */
export class SqliteLog {
  readonly #path: string
  #file: Promise<FileHandle> | undefined
  /** Has not begun yet: whoever has committed may still join. */
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()

  /** Of the file with this path, while a connection to it is open, as which nobody takes the log away. */
  constructor(path: string) {
    this.#path = `${path}-wal`
  }

  /** Waits until all that was committed before is on the disk. Throws `DatabaseUnavailable` if that fails. */
  toDisk(): Promise<void> {
    this.#next ??= this.#after(this.#last)
    return this.#next
  }

  async #after(last: Promise<void>): Promise<void> {
    await last.catch(() => {})
    // Others of this turn of the event loop are about to commit, too.
    await turn()
    this.#last = this.#next ?? last
    this.#next = undefined
    try {
      await (await this.#opened()).datasync()
    } catch (error) {
      throw error instanceof Error ? new DatabaseUnavailable({ soon: false, cause: error }) : error
    }
  }

  // To write, for Windows syncs no other. SQLite has its locks on other files: nothing is lost when this one is closed.
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
