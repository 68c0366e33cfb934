import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import type { Message } from '../web/form.js'
import { withEvent } from './history.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

/** Opens the admin pages. Other roles matter only to the app. */
export const ADMIN = 'admin'

export const ROLES_MAX = 20

const ROLE = /^[a-z][a-z\d_-]{0,31}$/

export const ROLE_RULE = 'up to 32 lowercase letters, digits, _ and -, beginning with a letter'

export function isRole(text: string): boolean {
  return ROLE.test(text)
}

export class LastAdmin extends Error {
  override readonly name = 'LastAdmin'
  readonly status = 409
  readonly visitorMessage: Message = {
    code: 'last_admin',
    sentence: 'This is the only admin of this site. Make someone else an admin first.',
  }

  constructor() {
    super('This is the only admin of this site. Make someone else an admin first.')
  }
}

class TooManyRoles extends Error {
  override readonly name = 'TooManyRoles'
  readonly status = 409
  readonly visitorMessage: Message = {
    code: 'roles_too_many',
    sentence: 'This user has {max} roles. Remove one before you add another.',
    params: { max: ROLES_MAX },
  }

  constructor() {
    super(`A user can have up to ${ROLES_MAX} roles.`)
  }
}

/** Call it first in a transaction that takes the account away. Throws `LastAdmin`. The lock is for two admins who remove each other. */
export async function keepAnAdmin(transaction: Db, userId: string): Promise<void> {
  const [admin, ...others] = await users.lockWithRole(transaction, ADMIN)
  if (admin === userId && others.length === 0) throw new LastAdmin()
}

export function addRole(origin: Origin, registry: Registry, userId: string, role: string): Promise<boolean> {
  return changeRoles(origin, registry, { kind: 'role_added', userId, about: role }, (roles) =>
    roles.includes(role) ? undefined : [...roles, role],
  )
}

export function removeRole(
  origin: Origin,
  registry: Registry,
  userId: string,
  role: string,
): Promise<boolean> {
  return changeRoles(origin, registry, { kind: 'role_removed', userId, about: role }, (roles) =>
    roles.includes(role) ? roles.filter((one) => one !== role) : undefined,
  )
}

interface RoleChange {
  kind: 'role_added' | 'role_removed'
  userId: string
  about: string
}

async function changeRoles(
  origin: Origin,
  registry: Registry,
  change: RoleChange,
  changed: (roles: readonly string[]) => string[] | undefined,
): Promise<boolean> {
  const { kind, userId, about: role } = change
  if (!isRole(role)) throw new Error(`A role must be ${ROLE_RULE}.`)
  const isDone = await withEvent(origin, registry, change, async (transaction) => {
    if (kind === 'role_removed' && role === ADMIN) await keepAnAdmin(transaction, userId)
    const account = await users.lockAccount(transaction, userId)
    const roles = account && changed(account.user.roles)
    if (roles === undefined) return undefined
    if (roles.length > ROLES_MAX) throw new TooManyRoles()
    await users.setRoles(transaction, userId, { roles, now: registry.now() })
    return true
  })
  return isDone ?? false
}
