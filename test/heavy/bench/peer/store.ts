import type { Database } from 'better-sqlite3'
import session, { type SessionData } from 'express-session'

/** Sessions of express-session in SQLite, with as few statements as such a store can have. */
export class SqliteStore extends session.Store {
  readonly #database: Database

  constructor(database: Database) {
    super()
    this.#database = database
    database.exec('create table if not exists sessions (sid text primary key, data text, expires integer)')
  }

  override get(sid: string, done: (error: unknown, data?: SessionData | null) => void): void {
    const row = this.#database
      .prepare<[string, number], { data: string }>('select data from sessions where sid = ? and expires > ?')
      .get(sid, Date.now())
    done(null, row === undefined ? null : JSON.parse(row.data))
  }

  override set(sid: string, data: SessionData, done?: (error?: unknown) => void): void {
    this.#database
      .prepare('insert or replace into sessions (sid, data, expires) values (?, ?, ?)')
      .run(sid, JSON.stringify(data), endOf(data))
    done?.()
  }

  override destroy(sid: string, done?: (error?: unknown) => void): void {
    this.#database.prepare('delete from sessions where sid = ?').run(sid)
    done?.()
  }

  override touch(sid: string, data: SessionData, done?: () => void): void {
    this.#database.prepare('update sessions set expires = ? where sid = ?').run(endOf(data), sid)
    done?.()
  }
}

const DAY = 24 * 60 * 60 * 1000

function endOf({ cookie }: SessionData): number {
  return cookie.expires?.getTime() ?? Date.now() + DAY
}
