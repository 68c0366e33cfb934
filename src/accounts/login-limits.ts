import type * as users from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { codeTriesOf } from './codes.js'
import { loginKeysOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Taken } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { takePlaces } from './security-log.js'

export interface LoginTry {
  name: string
  account: users.Account | undefined
}

// Names count as typed, so known and unknown ones behave alike. The account's own limit is quiet, because
// it would reveal which email address belongs to which username.
export function countedTries(origin: Origin, { name, account }: LoginTry): Counted[] {
  // Called for unknown names, too: the time to decrypt the cookie must not tell them apart.
  const device = origin.visit?.deviceOf(account)
  if (account !== undefined && device !== undefined) {
    const of = `${account.user.id} ${device}`
    return [
      { rule: 'loginDevice', of },
      { rule: 'loginRow', of },
    ]
  }
  const network = networkOf(origin.address)
  const of = account === undefined ? unknownAccount(name) : ownTries(account.user)
  return [
    { rule: 'loginName', of: `${network} ${name}` },
    { rule: 'loginAccount', of: name },
    { rule: 'loginNetwork', of: network },
    { rule: 'loginRow', of: name },
    { rule: 'loginAccount', of, quiet: true },
    { rule: 'loginRow', of, quiet: true },
  ]
}

// No form input contains NUL, so no typed name shares these counters.
function ownTries({ id }: users.User): string {
  return `\0${id}`
}

// Unknown names cost as many statements and rows as accounts.
function unknownAccount(name: string): string {
  return `\0nobody ${name}`
}

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

// The owner's login ends a row of failures (NIST 800-63B-4 3.2.2). Attempts of others still count.
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
    log.warn({ err: error }, 'could not reset login attempts')
  }
}

export async function forgetTries({ limits }: Pick<Registry, 'limits'>, user: users.User): Promise<void> {
  await limits.forget([...triesOf(user), ...codeTriesOf(user)])
}

function triesOf(user: users.User): Counted[] {
  return [...loginKeysOf(user), ownTries(user)].flatMap((of): Counted[] => [
    { rule: 'loginAccount', of },
    { rule: 'loginRow', of },
  ])
}
