import { fold } from './fields.js'
import type { House } from './house.js'
import * as users from './tables/users.js'
import type { Broken } from './web/form.js'

export type Outcome = { ok: true; account: users.Account } | { ok: false; error: Broken }

const USER_UNKNOWN: Broken = {
  field: 'username',
  code: 'login_user_unknown',
  sentence: 'There is no user with this name.',
}
const PASSWORD_WRONG: Broken = {
  field: 'password',
  code: 'login_password_wrong',
  sentence: 'This password is wrong.',
}
const EMAIL_OR_PASSWORD_WRONG: Broken = {
  field: 'password',
  code: 'login_wrong',
  sentence: 'E-mail or password is wrong.',
}

/**
 * Finds out whose user name or e-mail and password these are; it begins no session, so that a second step can follow.
 * User names are public, so an unknown one is said to be unknown; of e-mails it is not told who has an account. Both
 * take as long as a wrong password.
 */
export async function authenticate(
  house: House,
  { username, password }: { username: string; password: string },
  signal?: AbortSignal,
): Promise<Outcome> {
  const byEmail = username.includes('@')
  const find = byEmail ? users.byEmailKey : users.byNameKey
  const account = await find(house.database.main, fold(username))
  const right = await house.passwords.verify(account?.passwordHash, password, signal)
  if (account !== undefined && right) return { ok: true, account }
  if (byEmail) return { ok: false, error: EMAIL_OR_PASSWORD_WRONG }
  return { ok: false, error: account === undefined ? USER_UNKNOWN : PASSWORD_WRONG }
}

/** Brings the stored hash up to today's costs, while the password is at hand; if that fails, the next login does it. */
export async function renewHash(
  house: House,
  { user, passwordHash }: users.Account,
  password: string,
): Promise<void> {
  if (!house.passwords.isOutdated(passwordHash)) return
  try {
    const renewed = await house.passwords.hash(password)
    await users.rehash(house.database, user.id, { old: passwordHash, new: renewed })
  } catch (error) {
    house.log.warn({ err: error }, 'password hash not renewed')
  }
}
