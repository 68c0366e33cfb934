import { randomUUID } from 'node:crypto'
import { type StoredUser, stored, storedUsers } from '../tables/users.js'
import type { UserState } from '../tables/users-list.js'
import type { FieldError, Values } from '../web/form.js'
import { type ActedBy, originOf } from './acted-by.js'
import { closeAccount } from './closing.js'
import { disable, enable, isReason, REASON_MAX } from './disabling.js'
import { requestEmailChange } from './email-address.js'
import { sendConfirmation, setAddress } from './email-by-operator.js'
import { confirmAddress } from './email-confirmation.js'
import { endSessions } from './ending-sessions.js'
import { eraseByCode } from './erasing.js'
import * as fields from './fields.js'
import { invite } from './inviting.js'
import {
  cursorOf,
  DEFAULT_LIMIT,
  isPageLimit,
  MAX_LIMIT,
  pageOf,
  searchOf,
  type UserPage,
} from './listing.js'
import type { Origin } from './origin.js'
import { resetPassword } from './password.js'
import { applicantOf, create } from './registration.js'
import type { Registry } from './registry.js'
import { addRole, removeRole } from './roles.js'
import { turnOff } from './two-step.js'
import { unlock } from './unlocking.js'
import { rename, wantedName } from './username.js'
import { withoutLimits } from './without-limits.js'

export interface UserSearch {
  /** Part of a username or email address, in any case. Reads the whole table. */
  search?: string
  state?: UserState
  role?: string
  /** `next` of the previous page. */
  after?: string | null
  /** 1 to 1000; 50 by default. */
  limit?: number
}

export interface AccountToCreate {
  name: string
  /** May be missing with the option `emails: 'none'`. */
  email?: string
  /** Without one the user gets an email with a link to choose it. */
  password?: string
  /** Whether the email address counts as confirmed; false by default. */
  confirmed?: boolean
  /** For `duringSignup`, which is called only with them. */
  values?: Values
}

/** `errors` are those that a form would show, with stable codes. */
export type CreatedAccount = { ok: true; user: StoredUser } | { ok: false; errors: readonly FieldError[] }

/** Account actions in code. Each is in the account activity and reported to `onEvent`. No rate limit applies.
 * Results have no secrets. Throws rather than disable, close, erase or demote the only `admin`. */
export interface AccountsInCode {
  byId(id: string): Promise<StoredUser | undefined>
  /** Ignores case and Unicode normal form, as the login does. */
  byName(name: string): Promise<StoredUser | undefined>
  /** The same. With `privateEmails`, only a confirmed address finds its account. */
  byEmail(email: string): Promise<StoredUser | undefined>
  /** In one query, at most 10,000. Unknown ids are missing. */
  byIds(ids: Iterable<string>): Promise<Map<string, StoredUser>>
  /** In the order of sign-up. Throws if `after` or `limit` is wrong. */
  list(search?: UserSearch): Promise<UserPage>
  /** With the rules of sign-up. Throws if there is neither a password nor email. */
  create(account: AccountToCreate, by?: ActedBy): Promise<CreatedAccount>
  /** Emails a link to sign up, which works once, for 7 days. Inviting again replaces it. Throws unless `signup` is `invited`. */
  invite(email: string, by?: ActedBy & { language?: string }): Promise<readonly FieldError[]>
  /** Confirms the email address. False if it is confirmed, another account has it, or there is no address or account. */
  confirm(id: string, by?: ActedBy): Promise<boolean>
  /** With the rules of the username page. Tells the user by email. Throws for an unknown id. */
  rename(id: string, name: string, by?: ActedBy): Promise<readonly FieldError[]>
  /** Emails a link to the new address, which counts once it is opened. Throws for an unknown id, or without email. */
  changeEmail(id: string, email: string, by?: ActedBy): Promise<readonly FieldError[]>
  /** The new address counts as confirmed at once, also where the account has none. A confirmed previous one gets a link to undo it. Throws for an unknown id. */
  setEmail(id: string, email: string, by?: ActedBy): Promise<readonly FieldError[]>
  /** Emails the link that confirms the address, or the new one, again. False if there is nothing to confirm, or no such user. */
  sendConfirmation(id: string, by?: ActedBy): Promise<boolean>
  /** Logs the user out everywhere, and tells them by email. Throws for an unknown id. */
  setPassword(id: string, password: string, by?: ActedBy): Promise<readonly FieldError[]>
  /** The same with a link to choose the password. Throws for an unknown id, a disabled account, or without email. */
  resetPassword(id: string, by?: ActedBy): Promise<void>
  /** Logs the user out everywhere. False if already disabled or unknown. `reason`: one line, up to 200 characters. */
  disable(id: string, by?: ActedBy & { reason?: string }): Promise<boolean>
  /** False if it is not disabled, or unknown. */
  enable(id: string, by?: ActedBy): Promise<boolean>
  /** Forgets failed logins, codes and second steps. Limits of networks and known devices stay. False if it is unknown. */
  unlock(id: string, by?: ActedBy & { reason?: string }): Promise<boolean>
  /** Logs the user out everywhere and forgets their devices. Returns how many sessions ended. */
  endSessions(id: string, by?: ActedBy): Promise<number>
  /** Turns two-step verification off, for someone who has lost it. False if it is off. */
  endTwoStep(id: string, by?: ActedBy): Promise<boolean>
  /** False if the user has the role, or is unknown. A role: up to 32 lowercase letters, digits, `_` and `-`. */
  addRole(id: string, role: string, by?: ActedBy): Promise<boolean>
  /** Takes effect at the user's next request. False if the user does not have the role, or is unknown. */
  removeRole(id: string, role: string, by?: ActedBy): Promise<boolean>
  /** As if the owner had: it can be reopened for 14 days. False if it is closed. Tells the user by email. */
  close(id: string, by?: ActedBy): Promise<boolean>
  /** Deletes the account at once, after `duringErase`. False if it is unknown. Throws if a row of yours refers to it. */
  erase(id: string, by?: ActedBy): Promise<boolean>
}

const MAX_IDS = 10_000

export function accountsInCode(site: Registry): AccountsInCode {
  const { main } = site.database
  const registry = withoutLimits(site)
  const ifKnown = async (id: string, act: (user: StoredUser) => Promise<boolean>) => {
    const user = await stored(main, id)
    return user !== undefined && act(user)
  }
  return {
    ...lookups(registry),
    // With private emails an unconfirmed address claims nothing, also in accounts that the app creates.
    create: (account, by) => created(originOf(by), site, account),
    invite: (email, { language, ...by } = {}) =>
      invite({ ...originOf(by), ...(language !== undefined && { language }) }, registry, email),
    confirm: (id, by) => ifKnown(id, (user) => confirmByCode(originOf(by), registry, user)),
    rename: async (id, name, by) =>
      rename(originOf(by), registry, await userById(registry, id), wantedName(name)),
    changeEmail: (id, email, by) => requestEmail(originOf(by), registry, id, email),
    setEmail: async (id, email, by) =>
      setAddress(originOf(by), registry, await userById(registry, id), fields.normalizeEmail(email)),
    sendConfirmation: (id, by) => sendConfirmationTo(originOf(by), registry, id),
    setPassword: (id, password, by) => setPasswordByCode(originOf(by), registry, id, password),
    resetPassword: (id, by) => resetByEmail(originOf(by), registry, id),
    disable: async (id, { reason, ...by } = {}) =>
      (await disable(originOf(by), registry, id, { reason: checkReason(reason) })) !== undefined,
    enable: (id, by) => ifKnown(id, async (user) => !!(await enable(originOf(by), registry, user))),
    unlock: (id, { reason, ...by } = {}) =>
      ifKnown(id, async (user) => {
        await unlock(originOf(by), registry, user, { reason: checkReason(reason) })
        return true
      }),
    endSessions: (id, by) => endSessionsByCode(originOf(by), registry, id),
    endTwoStep: (id, by) =>
      ifKnown(id, async (user) => (await turnOff(originOf(by), registry, user)) !== undefined),
    addRole: (id, role, by) => addRole(originOf(by), registry, id, role),
    removeRole: (id, role, by) => removeRole(originOf(by), registry, id, role),
    close: (id, by) =>
      ifKnown(id, async (user) => (await closeAccount(originOf(by), registry, user)) !== undefined),
    erase: (id, by) => eraseByCode(originOf(by), registry, id),
  }
}

function lookups(registry: Registry): Pick<AccountsInCode, 'byId' | 'byName' | 'byEmail' | 'byIds' | 'list'> {
  const { main } = registry.database
  return {
    byId: (id) => stored(main, id),
    byName: async (name) => (await storedUsers(main, 'name_key', [fields.nameKeyOf(name)]))[0],
    byEmail: async (email) => (await storedUsers(main, 'email_key', [fields.emailKeyOf(email)]))[0],
    byIds: (ids) => usersById(registry, [...new Set(ids)]),
    list: (search = {}) => listUsers(registry, search),
  }
}

async function userById({ database }: Registry, id: string): Promise<StoredUser> {
  const user = await stored(database.main, id)
  if (user === undefined) throw new Error(`No user found: ${id}.`)
  return user
}

async function usersById({ database }: Registry, ids: readonly string[]): Promise<Map<string, StoredUser>> {
  if (ids.length > MAX_IDS) throw new Error(`byIds takes at most ${MAX_IDS} ids, not ${ids.length}.`)
  const found = await storedUsers(database.main, 'id', ids)
  return new Map(found.map((user) => [user.id, user]))
}

async function listUsers(
  registry: Registry,
  { search, state, role, after, limit = DEFAULT_LIMIT }: UserSearch,
): Promise<UserPage> {
  const cursor = cursorOf(after ?? '')
  if (after != null && cursor === undefined) throw new Error('after must be `next` of an earlier page.')
  if (!isPageLimit(limit)) throw new Error(`limit must be a whole number from 1 to ${MAX_LIMIT}.`)
  return pageOf(registry, { ...searchOf(search), state, role, after: cursor, limit })
}

async function created(origin: Origin, site: Registry, account: AccountToCreate): Promise<CreatedAccount> {
  const { name, email, password, confirmed: isConfirmed = false, values } = account
  if (password === undefined) refuseWithoutMail(site)
  const applicant = applicantOf(site, { username: name, email })
  const wanted = { ...applicant, password, isConfirmed, ...(values && { values }) }
  const outcome = await create(origin, site, wanted)
  return outcome.ok ? { ok: true, user: await userById(site, outcome.user.id) } : outcome
}

async function requestEmail(
  origin: Origin,
  registry: Registry,
  id: string,
  typed: string,
): Promise<FieldError[]> {
  refuseWithoutMail(registry)
  const user = await userById(registry, id)
  const requested = { email: fields.normalizeEmail(typed), form: randomUUID() }
  return requestEmailChange(origin, registry, user, requested)
}

async function confirmByCode(origin: Origin, registry: Registry, user: StoredUser): Promise<boolean> {
  return (await confirmAddress(origin, registry, { account: { user } })) === 'now'
}

async function endSessionsByCode(origin: Origin, registry: Registry, id: string): Promise<number> {
  if ((await stored(registry.database.main, id)) === undefined) return 0
  return (await endSessions(origin, registry, id))?.sessions ?? 0
}

async function sendConfirmationTo(origin: Origin, registry: Registry, id: string): Promise<boolean> {
  refuseWithoutMail(registry)
  const user = await stored(registry.database.main, id)
  return user !== undefined && (await sendConfirmation(origin, registry, user)) !== undefined
}

async function setPasswordByCode(
  origin: Origin,
  registry: Registry,
  id: string,
  password: string,
): Promise<FieldError[]> {
  const user = await userById(registry, id)
  const errors = fields.check(fields.newPassword(registry.rules, fields.ownTextsOf(user)), password)
  if (errors.length === 0) await resetPassword(origin, registry, user, { password })
  return errors
}

async function resetByEmail(origin: Origin, registry: Registry, id: string): Promise<void> {
  refuseWithoutMail(registry)
  const user = await userById(registry, id)
  if (user.email === null) throw new Error('The account has no email address, so no link can be sent.')
  if (user.disabledAt !== null) throw new Error('The account is disabled, so no email would be sent.')
  await resetPassword(origin, registry, user, { password: undefined })
}

function refuseWithoutMail({ outbox }: Registry): void {
  if (!outbox.isOn) throw new Error('Emails are off (option mail or emails), so no link can be sent.')
}

function checkReason(text = ''): string | undefined {
  const reason = text.trim()
  if (!isReason(reason)) throw new Error(`reason must be one line of up to ${REASON_MAX} characters.`)
  return reason === '' ? undefined : reason
}
