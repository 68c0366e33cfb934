import type { Context } from 'koa'
import type { LoginAfter } from '../accounts/login-methods.js'
import type { User } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'
import { userOf } from './logins.js'

/**
 * Whether `event` logs this browser in to the account without the login form. Never replaces another user: a stranger could send
 * them a link that makes them act in the stranger's account (login CSRF, "Robust Defenses for Cross-Site Request Forgery", 3).
 */
export function isLoginAfter(
  ctx: Context,
  { loginAfter }: Gatehouse,
  event: LoginAfter,
  { id }: User,
): boolean {
  const current = userOf(ctx)
  return loginAfter.includes(event) && (current === undefined || current.id === id)
}
