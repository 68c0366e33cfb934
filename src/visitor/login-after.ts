import type { Context } from 'koa'
import type { LoginAfter } from '../accounts/login-methods.js'
import type { User } from '../tables/users.js'
import type { Gatehouse } from './gatehouse.js'
import { userOf } from './logins.js'

/**
 * Whether this browser is logged in without the login form, after what just happened to the account. Never in place of
 * someone else, whom a link of a stranger's account would make act as that stranger ("Robust Defenses for Cross-Site
 * Request Forgery", 3: login CSRF).
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
