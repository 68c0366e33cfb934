import { randomUUID } from 'node:crypto'
import type { Context } from 'koa'
import * as users from '../tables/users.js'
import { gatehouseOf } from './gatehouse.js'
import { advance } from './login-steps.js'
import * as session from './session.js'
import { arrivalOf } from './welcome.js'

export interface HostLoginOptions {
  /** "Keep me logged in"; false by default. */
  kept?: boolean
  /** Path to arrive at; by default that of `places`. */
  next?: string
}

export interface HostLogin {
  /** False if a step is missing, such as a code of the authenticator app. Then nobody is logged in yet. */
  isDone: boolean
  /** Where to redirect: the page of the missing step, or where the login leads. */
  path: string
}

/**
 * Logs in a user whom your code has authenticated without the password. Steps that the account still needs, such as a code, come
 * first. Reopens a closed account. The login counts as recent. Returns undefined if the account is disabled, unknown or was just
 * changed. Throws unless it runs behind `accounts()`.
 */
export async function logIn(
  ctx: Context,
  { id }: { id: string },
  { kept = false, next = '' }: HostLoginOptions = {},
): Promise<HostLogin | undefined> {
  const gatehouse = gatehouseOf(ctx)
  const account = await users.byId(gatehouse.database.main, id)
  if (account === undefined || account.disabledAt !== null) return undefined
  const login = await advance(ctx, gatehouse, {
    account,
    methods: ['host'],
    kept,
    next,
    form: randomUUID(),
  })
  if (login.state === 'changed') return undefined
  if (login.state === 'waiting') return { isDone: false, path: gatehouse.url(login.for) }
  gatehouse.countLogin('logged_in')
  return { isDone: true, path: await arrivalOf(ctx, gatehouse, next) }
}

/** Ends the login of this browser, if any. `forget`: it is no longer a known device. Throws unless it runs behind `accounts()`. */
export function logOut(ctx: Context, { forget = false }: { forget?: boolean } = {}): Promise<void> {
  return session.logOut(ctx, gatehouseOf(ctx), { forget })
}
