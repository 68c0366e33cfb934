import { createServer, type Server } from 'node:http'
import Router from '@koa/router'
import Koa, { type Middleware } from 'koa'
import bodyParser from 'koa-bodyparser'
import koaSession from 'koa-session'
import { pino } from 'pino'
import { type Accounts, type AccountsOptions, accounts } from '../../src/index.js'
import { migratedDatabase, settingsFor } from './databases.js'
import { CHEAP, Clock, PASSWORD, Visitor } from './helpers.js'

export interface HostOptions extends Partial<AccountsOptions> {
  /** The app's session, by default koa-session in a signed cookie. */
  session?: (app: Koa) => Middleware
  /** Middleware between the session and Gatehouse. */
  before?: Middleware
  /** Middleware between Gatehouse and the routes. */
  behind?: Middleware
  routes?: (router: Router, gatehouse: Accounts) => void
}

/** A Koa app with Gatehouse mounted under /members. */
export class Host {
  private constructor(
    readonly server: Server,
    readonly gatehouse: Accounts,
    readonly clock: Clock,
    readonly database: string,
  ) {}

  static async start({
    session = koaSession,
    before = (_, next) => next(),
    behind = (_, next) => next(),
    routes = () => {},
    ...options
  }: HostOptions = {}): Promise<Host> {
    const app = new Koa()
    app.keys = ['the app’s own key']
    const clock = new Clock()
    const database = await migratedDatabase()
    const { SESSION_KEYS } = settingsFor(database)
    const gatehouse = await accounts({
      database,
      ...(SESSION_KEYS !== undefined && { keys: [SESSION_KEYS] }),
      prefix: '/members',
      passwordCosts: CHEAP,
      log: pino({ level: 'silent' }),
      now: clock.now,
      ...options,
    })
    const router = new Router()
    routes(router, gatehouse)
    app.use(session(app)).use(bodyParser()).use(before).use(gatehouse).use(behind).use(router.routes())
    const server = createServer(app.callback())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    server.unref()
    return new Host(server, gatehouse, clock, database)
  }

  visitor(): Visitor {
    return new Visitor(this.server)
  }

  async signUp(visitor: Visitor, username: string): Promise<void> {
    const email = `${username.toLowerCase()}@example.com`
    const typed = { username, email, password: PASSWORD, repassword: PASSWORD }
    await visitor.send(await visitor.open('/members/signup/'), typed)
  }

  async logIn(visitor: Visitor, username: string): Promise<void> {
    await visitor.send(await visitor.open('/members/login/'), { username, password: PASSWORD })
  }

  async settle(username: string): Promise<Visitor> {
    const visitor = this.visitor()
    await this.signUp(visitor, username)
    await this.logIn(visitor, username)
    return visitor
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await this.gatehouse.close()
  }
}
