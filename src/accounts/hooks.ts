import { pathToFileURL } from 'node:url'
import type { Context } from 'koa'
import type { EventKind } from '../tables/events.js'
import type { Transaction } from '../tables/schema.js'
import type { User } from '../tables/users.js'
import type { Broken, Values } from '../web/form.js'
import type { OnEvent } from './events.js'

/** Somebody who wants an account. */
export interface SignupRequest {
  /** As it would be stored. */
  name: string
  email: string
  /** What was typed into the fields of `signupFields`. */
  values: Values
}

/** What somebody wants to be called, as it would be stored: what is not chosen now is not there. */
export interface Identity {
  name?: string
  email?: string
  /** Whose name or address it is to be; undefined at a sign-up. */
  user?: User
}

/** An account that is being made. */
export interface Signup {
  user: User
  /** What was typed into the fields of `signupFields`. */
  values: Values
}

/** What is wrong; nothing if all is well. */
export type Objections = readonly Broken[] | undefined

/** What a host does when something happens to an account. */
export interface Hooks {
  /**
   * Asked before an account is made, together with our own rules: answers what is wrong, for a field of yours or ours, or
   * without a field for the whole; nothing if it may be made. What it throws is an error page (500).
   */
  beforeSignup?(request: SignupRequest, ctx: Context): Objections | Promise<Objections>
  /**
   * Asked wherever a name or an address is chosen, once it fits our own rules: at sign-up, rename, email change, correction of
   * an address, `gatehouse users create` (see `HOOKS`), and for names while they are typed. Not when a change is undone.
   * Returns what is wrong with it, for the field `username` or `email`. What it throws is an error page (500).
   */
  checkIdentity?(identity: Identity): Objections | Promise<Objections>
  /**
   * Writes what belongs to a new account in the very transaction that makes it, by Kysely: `transaction.withTables<…>()`
   * knows your tables. It awaits nothing but statements of that transaction, for it holds others up. What it throws undoes
   * the sign-up, and is an error page (500). It may be called again with another transaction if that was in others' way.
   */
  duringSignup?(transaction: Transaction, signup: Signup): Promise<void>
  /**
   * Deletes what your own tables have of an account, in the very transaction that erases it, before it is gone; for
   * `duringSignup` in reverse, and under the same rules. What it throws keeps the account, and is logged: the sweep tries again
   * a minute later. `gatehouse users delete` calls it, too, if `HOOKS` names your hooks.
   */
  duringErase?(transaction: Transaction, user: User): Promise<void>
  /**
   * Returns what you store about a user, for the page and the file on which users read their data: something that
   * `JSON.stringify` takes, or undefined for nothing. While it throws, the page says that a part is missing, and the file is 503.
   */
  exportOf?(user: User): unknown
  /** Called after each event was stored, whatever its kind; what it throws is logged. */
  onEvent?: OnEvent
}

/** Who is told of events: the hook `onEvent`, and the option beside the hooks. */
export function listener({ hooks, onEvent }: { hooks?: Hooks; onEvent?: OnEvent | undefined }): OnEvent {
  return async (event) => {
    await Promise.all([onEvent?.(event), hooks?.onEvent?.(event)])
  }
}

/** Hooks of former versions, each with the kinds of events in which `onEvent` is told of the same. */
const FORMER_HOOKS: ReadonlyMap<string, readonly EventKind[]> = new Map([
  ['onSignup', ['signed_up']],
  ['onLogin', ['logged_in']],
  ['onLogout', ['logged_out']],
  ['onEmailConfirmed', ['email_confirmed']],
  ['onPasswordChanged', ['password_changed', 'password_reset']],
  ['onEmailChanged', ['email_changed', 'email_restored']],
  ['onNameChanged', ['name_changed']],
  ['onClosed', ['account_closed']],
  ['onReopened', ['account_reopened']],
])

/** Throws a sentence for a hook that is called no longer. */
export function refuseFormerHooks(names: readonly string[]): void {
  for (const name of names) {
    const kinds = FORMER_HOOKS.get(name)
    if (kinds === undefined) continue
    const cases = kinds.map((kind) => `'${kind}'`).join(' or ')
    throw new Error(`The hook ${name} is gone: use onEvent, which gets events with the kind ${cases}.`)
  }
}

/** The hooks that a module exports, by that name or by default. Throws a sentence if there are none. */
export async function loadHooks(file: string | undefined): Promise<Hooks> {
  if (file === undefined) return {}
  const module: { hooks?: Hooks; default?: Hooks } = await import(pathToFileURL(file).href)
  const hooks = module.hooks ?? module.default
  if (typeof hooks === 'object') return hooks
  throw new Error(`HOOKS names ${file}, which exports no hooks: export const hooks = { … }.`)
}

const OUR_FIELDS = ['username', 'email', 'password', 'repassword', 'next']
const FIELD_NAME = /^[a-z][\w-]{0,63}$/i

/** Throws a sentence if a field of the host's has no proper name, or one of ours. */
export function checkSignupFields(names: readonly string[]): void {
  for (const name of names) {
    if (!FIELD_NAME.test(name)) {
      throw new Error(
        `A field in signupFields has to be a letter, then letters, digits, - or _, not ${name}.`,
      )
    }
    if (OUR_FIELDS.includes(name))
      throw new Error(`The field ${name} in signupFields is one of ours already.`)
  }
  if (new Set(names).size < names.length) throw new Error('A field stands twice in signupFields.')
}
