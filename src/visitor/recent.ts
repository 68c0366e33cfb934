import type { Context } from 'koa'
import { gatehouseOf } from './gatehouse.js'
import { sessionOf, userOf } from './logins.js'

/** Whether the user entered the password or used a passkey within `lifetimes.recent` (10 minutes by default). */
export function isRecentLogin(ctx: Context): boolean {
  const { lifetimes, now } = gatehouseOf(ctx)
  const session = sessionOf(ctx)
  return session !== undefined && now() - session.authenticatedAt < lifetimes.recent
}

/** Whether the second step was passed as recently, or is not needed. */
export function isRecentSecond(ctx: Context): boolean {
  if (!hasSecondStep(ctx)) return true
  const { lifetimes, now } = gatehouseOf(ctx)
  const at = sessionOf(ctx)?.secondAt ?? null
  return at !== null && now() - at < lifetimes.recent
}

export function hasSecondStep(ctx: Context): boolean {
  return userOf(ctx)?.secondStepAt != null && gatehouseOf(ctx).offers('login/two-step')
}
