import type * as users from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { codeTriesOf } from './codes.js'
import { emailKeyOf, nameKeyOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Taken } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { takePlaces } from './security-log.js'

/** Whose password is tried. */
export interface LoginTry {
  /** As it was typed, folded; also one that nobody has. */
  name: string
  account: users.Account | undefined
}

/**
 * Names are counted as they were typed, so that a limit is told alike for those that somebody has and those that nobody
 * has. Beside that the account counts what is tried by its name and its e-mail together: that limit is quiet, for by an
 * answer to the one it would be known that the other was tried, and so whose address it is.
 */
export function countedTries(origin: Origin, { name, account }: LoginTry): Counted[] {
  // Asked for names that nobody has, too: how long it takes to open the cookie must not tell them apart.
  const device = origin.visit?.deviceOf(account)
  if (account !== undefined && device !== undefined) {
    const of = `${account.user.id} ${device}`
    return [
      { rule: 'loginDevice', of },
      { rule: 'loginRow', of },
    ]
  }
  const network = networkOf(origin.address)
  const of = account === undefined ? nobody(name) : ownTries(account.user)
  return [
    { rule: 'loginName', of: `${network} ${name}` },
    { rule: 'loginAccount', of: name },
    { rule: 'loginNetwork', of: network },
    { rule: 'loginRow', of: name },
    { rule: 'loginAccount', of, quiet: true },
    { rule: 'loginRow', of, quiet: true },
  ]
}

// No form brings a NUL: nothing that can be typed has these counters.
function ownTries({ id }: users.User): string {
  return `\0${id}`
}

// As many statements, and as many rows, as for an account.
function nobody(name: string): string {
  return `\0nobody ${name}`
}

/** Takes the places of a try. Throws `LimitReached`, with the way by mail where there is one. */
export async function takeTries(
  origin: Origin,
  registry: Registry,
  { name }: LoginTry,
  counted: readonly Counted[],
): Promise<Taken> {
  try {
    return await takePlaces(origin, registry, counted, name)
  } catch (error) {
    if (error instanceof LimitReached && registry.offers('password/forgot')) throw error.withReset()
    throw error
  }
}

/** The owner's success ends a row (NIST 800-63B-4 3.2.2) and what was mistyped here; what strangers have tried counts on. */
export async function forgiveTries(
  { limits, log }: Registry,
  { account }: LoginTry,
  counted: readonly Counted[],
): Promise<void> {
  const isShared = ({ rule }: Counted) => rule === 'loginAccount' || rule === 'loginNetwork'
  const rows = account === undefined ? [] : triesOf(account.user).filter(({ rule }) => rule === 'loginRow')
  try {
    await limits.giveBack(counted.filter(isShared))
    await limits.forget([...counted.filter((one) => !isShared(one)), ...rows])
  } catch (error) {
    log.warn({ err: error }, 'tries not forgiven')
  }
}

/** Lets what was tried for a user by everybody together count no more; what is left is of single networks, and ends soon. */
export async function forgetTries({ limits }: Pick<Registry, 'limits'>, user: users.User): Promise<void> {
  await limits.forget([...triesOf(user), ...codeTriesOf(user)])
}

function triesOf(user: users.User): Counted[] {
  return [nameKeyOf(user.name), emailKeyOf(user.email), ownTries(user)].flatMap((of): Counted[] => [
    { rule: 'loginAccount', of },
    { rule: 'loginRow', of },
  ])
}
