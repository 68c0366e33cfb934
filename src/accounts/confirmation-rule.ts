import type { User } from '../tables/users.js'
import type { Registry } from './registry.js'

type Ruled = Pick<Registry, 'rules' | 'now'>

/** When an email address must be confirmed, in UTC milliseconds; undefined if it need not be. */
export function confirmationDueAt(
  { rules }: Pick<Ruled, 'rules'>,
  { email, emailConfirmedAt, createdAt }: Pick<User, 'email' | 'emailConfirmedAt' | 'createdAt'>,
): number | undefined {
  // Users without an address log in without one, and add it on the account page.
  if (rules.confirmation === 'optional' || email === null || emailConfirmedAt !== null) return undefined
  return createdAt + rules.confirmationGrace
}

export function lacksConfirmation(ruled: Ruled, user: User): boolean {
  return ruled.now() >= (confirmationDueAt(ruled, user) ?? Number.POSITIVE_INFINITY)
}

export function upcomingConfirmationAt(
  ruled: Ruled,
  user: Pick<User, 'email' | 'emailConfirmedAt' | 'createdAt'>,
): number | undefined {
  const dueAt = confirmationDueAt(ruled, user)
  return dueAt !== undefined && ruled.now() < dueAt ? dueAt : undefined
}
