/*
 * The peer: what a Node developer would build by hand for the same pages. Express 5, passport-local, express-session in
 * SQLite, csrf-sync, helmet and nunjucks, with the same argon2id. It does less: no rate limits, no emails, no form that is
 * known again, no password strength, no account activity, no devices, no languages, and its sessions are not encrypted.
 */
import { join } from 'node:path'
import { hash, verify } from '@node-rs/argon2'
import BetterSqlite3 from 'better-sqlite3'
import { csrfSync } from 'csrf-sync'
import express, { type Request, type Response } from 'express'
import session from 'express-session'
import helmet from 'helmet'
import nunjucks from 'nunjucks'
import passport from 'passport'
import { Strategy } from 'passport-local'
import isEmail from 'validator/lib/isEmail.js'
import { root } from '../../../../src/base/package.js'
import { PASSWORD } from '../forms.js'
import { SqliteStore } from './store.js'

declare global {
  namespace Express {
    interface User {
      id: number
      name: string
      email: string
    }
  }
}

interface Row extends Express.User {
  password_hash: string
}

type Typed = Partial<Record<'username' | 'email' | 'password' | 'repassword', string>>

const COSTS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const [file = '', users = '0'] = process.argv.slice(2)
const database = new BetterSqlite3(file)
database.pragma('journal_mode = WAL')
database.pragma('synchronous = NORMAL')
database.exec(`create table if not exists users (id integer primary key, name text not null unique collate nocase,
  email text not null unique collate nocase, password_hash text not null, created_at integer not null)`)
const insert = database.prepare<[string, string, string, number]>(
  'insert into users (name, email, password_hash, created_at) values (?, ?, ?, ?)',
)
const byLogin = database.prepare<[string, string], Row>('select * from users where name = ? or email = ?')
const byId = database.prepare<[number], Express.User>('select id, name, email from users where id = ?')
await seed(Number(users))
const nobody = await hash('nobody', COSTS)

passport.use(
  new Strategy(async (name, password, done) => {
    const user = byLogin.get(name, name)
    const isRight = await verify(user?.password_hash ?? nobody, password)
    done(null, isRight && user !== undefined ? user : false)
  }),
)
passport.serializeUser((user, done) => done(null, user.id))
passport.deserializeUser((id: number, done) => done(null, byId.get(id) ?? false))

const { csrfSynchronisedProtection } = csrfSync({ getTokenFromRequest: (request) => request.body?._csrf })

const app = express()
nunjucks.configure(join(root, 'test/heavy/bench/peer/views'), { autoescape: true, express: app })
app.set('view engine', 'html')
app.use(helmet())
app.use(express.urlencoded({ extended: false }))
app.use(
  session({
    secret: 'the peer',
    resave: false,
    saveUninitialized: false,
    store: new SqliteStore(database),
    cookie: { httpOnly: true, sameSite: 'lax' },
  }),
)
app.use(passport.session())
app.use(csrfSynchronisedProtection)

app.get('/', (request, response) => show(request, response, 'home'))
app.get('/login/', (request, response) => show(request, response, 'login'))
app.get('/signup/', (request, response) => show(request, response, 'signup'))
app.post('/login/verify/', (request, response, next) => {
  passport.authenticate('local', (error: unknown, user: Express.User | false) => {
    if (error) return next(error)
    if (!user) return refuse(request, response, 'login', { username: 'The username or password is wrong.' })
    enter(request, response, user)
  })(request, response, next)
})
app.post('/signup/verify/', async (request, response) => {
  const { username = '', email = '', password = '' }: Typed = request.body
  const errors = errorsIn(request.body)
  if (Object.keys(errors).length > 0) return refuse(request, response, 'signup', errors)
  const { lastInsertRowid } = insert.run(
    username.trim(),
    email.trim(),
    await hash(password, COSTS),
    Date.now(),
  )
  enter(request, response, { id: Number(lastInsertRowid), name: username, email })
})

function errorsIn({ username = '', email = '', password = '', repassword }: Typed): Typed {
  const errors: Typed = {}
  const name = username.trim()
  if (name.length < 3 || name.length > 25) errors.username = 'Username must be between 3 and 25 characters.'
  else if (byLogin.get(name, name) !== undefined) errors.username = 'This username is already in use.'
  if (!isEmail.default(email.trim())) errors.email = 'Enter an email address like name@example.com.'
  else if (byLogin.get(email, email) !== undefined) errors.email = 'This email address is already in use.'
  if (password.length < 8) errors.password = 'Password must be at least 8 characters.'
  else if (password !== repassword) errors.repassword = 'The passwords do not match.'
  return errors
}

function enter(request: Request, response: Response, user: Express.User): void {
  request.login(user, (error) => {
    if (error) throw error
    response.render('done', { user })
  })
}

function refuse(request: Request, response: Response, page: string, errors: Typed): void {
  response.status(406)
  const view = request.get('hx-request') === 'true' ? `${page}-form` : page
  show(request, response, view, { values: request.body, errors })
}

function show(request: Request, response: Response, view: string, more: object = {}): void {
  const { user } = request
  response.render(view, { user, csrf: request.csrfToken?.(), values: {}, errors: {}, ...more })
}

async function seed(count: number): Promise<void> {
  const passwordHash = await hash(PASSWORD, COSTS)
  const all = database.transaction(() => {
    for (let number = 0; number < count; number++)
      insert.run(`Bench${number}`, `bench${number}@example.com`, passwordHash, Date.now())
  })
  all()
}

const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object') console.log(`The peer listens on http://127.0.0.1:${address?.port}/`)
})
process.once('SIGINT', () => process.exit())
