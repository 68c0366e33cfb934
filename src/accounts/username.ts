import { DAY } from '../base/durations.js'
import { isTaken } from '../database/constraints.js'
import * as slugs from '../tables/slugs.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import * as fields from './fields.js'
import { withEvent } from './history.js'
import type { Counted } from './limits.js'
import { countedFor, countLookup } from './mail-limits.js'
import { circumstancesOf, type Origin } from './origin.js'
import { hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

const FORMER_LIFE = 90 * DAY

const CHANGED_MEANWHILE = {
  code: 'name_changed_meanwhile',
  sentence:
    'Your username was just changed, in another tab or on another device. Press the button again to change it once more.',
}

export interface Wanted {
  name: string
  nameKey: string
  slug: string
  looksLike: string
}

export function wantedName(typed: string): Wanted {
  const name = fields.normalizeName(typed)
  return { name, ...fields.claimsOf(name) }
}

export async function rename(
  origin: Origin,
  registry: Registry,
  user: users.User,
  wanted: Wanted,
): Promise<FieldError[]> {
  const errors = fields.check(fields.username, wanted.name)
  if (errors.length > 0) return errors
  const ofHooks = await hookErrors(registry, { name: wanted.name, user })
  if (ofHooks.length > 0) return [...ofHooks]
  await countLookup(origin, registry)
  const owner = { now: registry.now(), userId: user.id }
  if (await users.isNameTaken(registry.database.main, wanted, owner)) return [fields.USERNAME_TAKEN]
  return changeCounted(origin, registry, user, wanted)
}

async function changeCounted(
  origin: Origin,
  registry: Registry,
  user: users.User,
  wanted: Wanted,
): Promise<FieldError[]> {
  const counted: Counted[] = [
    { rule: 'renameAccount', of: user.id },
    ...countedFor(origin, registry, {
      kind: 'name-changed',
      userId: user.id,
      address: user.email,
    }),
  ]
  await countAgainstLimits(origin, registry, counted)
  let isDone = false
  try {
    isDone = await change(origin, registry, user, wanted)
  } catch (error) {
    if (!(error instanceof SlugTaken || isTaken(error))) throw error
    return [fields.USERNAME_TAKEN]
  } finally {
    if (!isDone) await registry.limits.giveBack(counted)
  }
  if (!isDone && !(await hasName(registry, user, wanted))) return [CHANGED_MEANWHILE]
  return []
}

class SlugTaken extends Error {
  override readonly name = 'SlugTaken'
}

async function change(
  origin: Origin,
  registry: Registry,
  user: users.User,
  wanted: Wanted,
): Promise<boolean> {
  const now = registry.now()
  const { id, name: former, email } = user
  const about = `${former} → ${wanted.name}`
  const done = await withEvent(
    origin,
    registry,
    { kind: 'name_changed', userId: id, about },
    async (transaction) => {
      if (!(await users.rename(transaction, { id, former }, { ...wanted, now }))) return undefined
      // In this order, because an unchanged slug is released and claimed again.
      await slugs.release(transaction, { slug: user.slug, userId: id }, now + FORMER_LIFE)
      if (!(await slugs.claim(transaction, { slug: wanted.slug, userId: id, now }))) throw new SlugTaken()
      const facts = {
        to: email,
        former,
        current: wanted.name,
        ...circumstancesOf(origin, registry),
      }
      await registry.outbox.post(transaction, { kind: 'name-changed', userId: id, facts })
      return true
    },
  )
  return done ?? false
}

async function hasName({ database }: Registry, { id }: users.User, { name }: Wanted): Promise<boolean> {
  const account = await users.byId(database.main, id)
  return account?.user.name === name
}
