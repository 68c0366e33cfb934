/*
 * F5: the least that a Koa site does for a login. It reads the form, finds the user, checks the password and flushes a
 * session to the disk, with the packages of F1.
 */
import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import { verify } from '@node-rs/argon2'
import BetterSqlite3 from 'better-sqlite3'
import { serve } from './serve.js'

const [file = ''] = process.argv.slice(2)

interface User {
  id: string
  password_hash: string
}

const database = new BetterSqlite3(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = FULL')
database.exec('create table floor_sessions (token text primary key, user_id text not null)')
const userByName = database.prepare<[string], User>('select id, password_hash from users where name_key = ?')
const insert = database.prepare('insert into floor_sessions (token, user_id) values (?, ?)')

const router = new Router()
router.post('/login/verify/', async (ctx) => {
  const { username, password } = ctx.request.body as Record<string, string>
  const user = userByName.get(`${username}`.toLowerCase())
  if (user === undefined || !(await verify(user.password_hash, `${password}`))) return ctx.throw(406)
  const token = randomBytes(32).toString('base64url')
  insert.run(token, user.id)
  ctx.session = { token }
  ctx.type = 'html'
  ctx.body = '<p>You are logged in.</p>'
})

serve('F5', router)
