import type * as users from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { codeAttemptsOf } from './codes.js'
import { loginKeysOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Taken } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { countAgainstLimits } from './security-log.js'

export interface LoginAttempt {
  name: string
  account: users.Account | undefined
}

// Names count as typed, so that known and unknown ones behave alike. The limit of the account is quiet, because it
// would reveal which email address belongs to which username.
export function loginAttempts(origin: Origin, { name, account }: LoginAttempt): Counted[] {
  // Also for unknown names, so that the time to decrypt the cookie reveals nothing.
  const device = origin.visit?.deviceOf(account)
  if (account !== undefined && device !== undefined) {
    const of = `${account.user.id} ${device}`
    return [
      { rule: 'loginDevice', of },
      { rule: 'loginRow', of },
    ]
  }
  const network = networkOf(origin.address)
  const of = account === undefined ? unknownAttempts(name) : ownAttempts(account.user)
  return [
    { rule: 'loginName', of: `${network} ${name}` },
    { rule: 'loginAccount', of: name },
    { rule: 'loginNetwork', of: network },
    { rule: 'loginRow', of: name },
    { rule: 'loginAccount', of, quiet: true },
    { rule: 'loginRow', of, quiet: true },
  ]
}

// Form input has no NUL, so no typed name shares these counters.
function ownAttempts({ id }: users.User): string {
  return `\0${id}`
}

// Unknown names take as many statements and rows as accounts.
function unknownAttempts(name: string): string {
  return `\0nobody ${name}`
}

export async function countLoginAttempts(
  origin: Origin,
  registry: Registry,
  { name }: LoginAttempt,
  counted: readonly Counted[],
): Promise<Taken> {
  try {
    return await countAgainstLimits(origin, registry, counted, name)
  } catch (error) {
    if (error instanceof LimitReached && registry.offers('password/forgot')) throw error.withReset()
    throw error
  }
}

// A login ends a row of failures (NIST 800-63B-4 3.2.2). Attempts of others still count.
export async function refundLoginAttempts(
  { limits, log }: Registry,
  { account }: LoginAttempt,
  counted: readonly Counted[],
): Promise<void> {
  const isShared = ({ rule }: Counted) => rule === 'loginAccount' || rule === 'loginNetwork'
  const rows = account === undefined ? [] : attemptsOf(account.user).filter(({ rule }) => rule === 'loginRow')
  try {
    await limits.giveBack(counted.filter(isShared))
    await limits.forget([...counted.filter((one) => !isShared(one)), ...rows])
  } catch (error) {
    log.warn({ err: error }, 'could not reset login attempts')
  }
}

export async function resetAttempts({ limits }: Pick<Registry, 'limits'>, user: users.User): Promise<void> {
  await limits.forget([...attemptsOf(user), ...codeAttemptsOf(user)])
}

function attemptsOf(user: users.User): Counted[] {
  return [...loginKeysOf(user), ownAttempts(user)].flatMap((of): Counted[] => [
    { rule: 'loginAccount', of },
    { rule: 'loginRow', of },
  ])
}
