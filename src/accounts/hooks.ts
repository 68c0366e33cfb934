import { pathToFileURL } from 'node:url'
import type { Context } from 'koa'
import type { EventKind } from '../tables/events.js'
import type { Transaction } from '../tables/schema.js'
import type { User } from '../tables/users.js'
import type { FieldError, Values } from '../web/form.js'
import type { OnEvent } from './events.js'

export interface SignupRequest {
  name: string
  /** Null with the option `emails: 'none'`. */
  email: string | null
  /** Of the fields in `signupFields`. */
  values: Values
}

/** What is being chosen, as it would be stored. */
export interface Identity {
  name?: string
  email?: string
  /** Undefined at sign-up. */
  user?: User
}

export interface Signup {
  user: User
  values: Values
}

export type HookErrors = readonly FieldError[] | undefined

export interface Hooks {
  /** Called before an account is created, with the built-in rules; for a sign-up with a passkey before that is created,
   * up to 30 minutes earlier. Returns errors for your fields or Gatehouse's, or without `field` for the whole
   * form. If it throws, the response is an error page (500). */
  beforeSignup?(request: SignupRequest, ctx: Context): HookErrors | Promise<HookErrors>
  /** Called for a username or email address that passes the built-in rules: at sign-up, rename, email change and
   * correction, in `gatehouse users create` and `import`, and for username hints; not for an undo. Returns errors
   * for `username` or `email`. If it throws, the response is an error page (500). */
  checkIdentity?(identity: Identity): HookErrors | Promise<HookErrors>
  /** Stores your data of a new account in the transaction that creates it; `withTables<…>()` adds your tables.
   * Await only its statements: after a conflict it is called again, with another transaction. If it throws, no
   * account is created and the response is an error page (500). */
  duringSignup?(transaction: Transaction, signup: Signup): Promise<void>
  /** Deletes your data of an account in the transaction that deletes it, with the rules of `duringSignup`. If it
   * throws, the account stays, the error is logged, and the sweep tries again after a minute. `gatehouse users
   * delete` calls it if `gatehouse.config.js` or `HOOKS` names your hooks. */
  duringErase?(transaction: Transaction, user: User): Promise<void>
  /** Returns your data about a user for the page and file of their data: what `JSON.stringify` takes, or
   * undefined. If it throws, the page says that a part is missing, and the file is a 503. */
  exportOf?(user: User): unknown
  /** Called after each event is stored. What it throws is logged. */
  onEvent?: OnEvent
}

export function listener({ hooks, onEvent }: { hooks?: Hooks; onEvent?: OnEvent | undefined }): OnEvent {
  return async (event) => {
    await Promise.all([onEvent?.(event), hooks?.onEvent?.(event)])
  }
}

const REMOVED_HOOKS: ReadonlyMap<string, readonly EventKind[]> = new Map([
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

export function refuseRemovedHooks(hooks: object): void {
  for (const [name, kinds] of REMOVED_HOOKS) {
    // Not Object.keys(), which lacks the methods of a class.
    if (!(name in hooks)) continue
    const cases = kinds.map((kind) => `'${kind}'`).join(' or ')
    throw new Error(`The hook ${name} no longer exists. Use onEvent, which gets events of kind ${cases}.`)
  }
}

/** Returns the export `hooks` or the default export of a module. Throws if it has neither. */
export async function loadHooks(file: string | Hooks | undefined): Promise<Hooks> {
  if (typeof file !== 'string') return file ?? {}
  const module: { hooks?: Hooks; default?: Hooks } = await import(pathToFileURL(file).href)
  const hooks = module.hooks ?? module.default
  if (typeof hooks === 'object') return hooks
  throw new Error(`HOOKS: ${file} exports no hooks. Add: export const hooks = { … }.`)
}

const OUR_FIELDS = ['username', 'email', 'password', 'repassword', 'next']
const FIELD_NAME = /^[a-z][\w-]{0,63}$/i

export function checkSignupFields(names: readonly string[]): void {
  for (const name of names) {
    if (!FIELD_NAME.test(name)) {
      throw new Error(
        `A name in signupFields must be a letter followed by letters, digits, - or _, not ${name}.`,
      )
    }
    if (OUR_FIELDS.includes(name))
      throw new Error(`The name ${name} in signupFields is already used by Gatehouse.`)
  }
  if (new Set(names).size < names.length) throw new Error('A name in signupFields appears twice.')
}
