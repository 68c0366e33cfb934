import type { Db } from '../tables/schema.js'

export type SecondMethod = 'app' | 'recovery'

/** How a visitor has logged in. `host`: the app vouches. `verified`: the passkey's device has verified its user. */
export type Method = 'signup' | 'password' | 'passkey' | 'verified' | 'host' | SecondMethod

/** What may log a user in without the login form. */
export const LOGIN_AFTER = ['signup', 'confirmation', 'reset'] as const

export type LoginAfter = (typeof LOGIN_AFTER)[number]

export function isFirst(method: Method): boolean {
  return method === 'password' || method === 'passkey' || method === 'host'
}

/** Whether both steps were passed. A passkey that verified its user is both (NIST 800-63B-4 2.2.1). */
export function hasBoth(methods: readonly Method[]): boolean {
  if (methods.some((method) => method === 'app' || method === 'recovery' || method === 'verified'))
    return true
  return methods.includes('passkey') && methods.some((method) => method === 'password' || method === 'host')
}

export interface Proof {
  /** Uses it up, in the transaction of what it allows. Returns false if it no longer works. */
  spend(transaction: Db): Promise<boolean>
  /** After the commit. */
  report(): void
}
