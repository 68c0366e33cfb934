import type { Db } from '../tables/schema.js'

export type SecondMethod = 'app' | 'recovery'

/**
 * A way in which a visitor has shown who they are. `host`: the app says so. `verified`: the passkey's device has checked its
 * user.
 */
export type Method = 'signup' | 'password' | 'passkey' | 'verified' | 'host' | SecondMethod

/** After what a user may be logged in without the login form. */
export const LOGIN_AFTER = ['signup', 'confirmation', 'reset'] as const

export type LoginAfter = (typeof LOGIN_AFTER)[number]

/** Whether it shows who someone is. */
export function isFirst(method: Method): boolean {
  return method === 'password' || method === 'passkey' || method === 'host'
}

/** Whether a login has passed both steps. A passkey that has checked its user is both (NIST 800-63B-4 2.2.1). */
export function hasBoth(methods: readonly Method[]): boolean {
  if (methods.some((method) => method === 'app' || method === 'recovery' || method === 'verified'))
    return true
  return methods.includes('passkey') && methods.some((method) => method === 'password' || method === 'host')
}

/** What a login or a change is allowed by. */
export interface Proof {
  /** Marks it as used, in the transaction of what it proves. Returns false if it cannot be used. */
  spend(transaction: Db): Promise<boolean>
  /** After the commit. */
  report(): void
}
