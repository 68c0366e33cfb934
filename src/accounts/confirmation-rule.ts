import type { User } from '../tables/users.js'
import type { Registry } from './registry.js'

type Ruled = Pick<Registry, 'rules' | 'now'>

/** Returns until when a user may be without a confirmed email address, in UTC milliseconds; undefined if for ever. */
export function confirmationDueAt(
  { rules }: Pick<Ruled, 'rules'>,
  { email, emailConfirmedAt, createdAt }: Pick<User, 'email' | 'emailConfirmedAt' | 'createdAt'>,
): number | undefined {
  // Who has no address logs in without one, and adds it on the account page.
  if (rules.confirmation === 'optional' || email === null || emailConfirmedAt !== null) return undefined
  return createdAt + rules.confirmationGrace
}

/** Whether the user has to confirm the email address before anything else. */
export function lacksConfirmation(ruled: Ruled, user: User): boolean {
  return ruled.now() >= (confirmationDueAt(ruled, user) ?? Number.POSITIVE_INFINITY)
}

/** Returns when it will be needed, or undefined. */
export function confirmationComesAt(
  ruled: Ruled,
  user: Pick<User, 'email' | 'emailConfirmedAt' | 'createdAt'>,
): number | undefined {
  const dueAt = confirmationDueAt(ruled, user)
  return dueAt !== undefined && ruled.now() < dueAt ? dueAt : undefined
}
