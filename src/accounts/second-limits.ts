import type { Account } from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { eventOf } from './history.js'
import type { Counted } from './limits.js'
import type { SecondMethod } from './login-methods.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { countAgainstLimits, logSecurity } from './security-log.js'

export interface SecondAttempt {
  account: Account
  method: SecondMethod
}

/** Counts before `prove`, so that parallel requests cannot exceed a limit. Call it only after the right password, or
 * strangers could use up the limits of an account. */
export async function withinLimits<Proof>(
  origin: Origin,
  registry: Registry,
  attempt: SecondAttempt,
  prove: () => Promise<Proof | undefined>,
): Promise<Proof | undefined> {
  const attempts = secondAttempts(origin, attempt)
  await countAgainstLimits(origin, registry, attempts)
  const proof = await prove().catch(async (error: unknown) => {
    await registry.limits.giveBack(attempts).catch(() => {})
    throw error
  })
  if (proof === undefined) await noteWrongCode(origin, registry, attempt)
  else await refundSecond(registry, attempts)
  return proof
}

// 100 codes in a row, with 3 that work each time, are guessed with a chance of 0.03 % (ASVS 5 6.5.1, 6.6.3).
// Recovery codes are too long to guess.
function secondAttempts(origin: Origin, { account, method }: SecondAttempt): Counted[] {
  const { id } = account.user
  const device = origin.visit?.provenDeviceOf(account)
  const of = device === undefined ? id : `${id} ${device}`
  return [
    ...(device === undefined ? unknownDeviceAttempts(origin, id) : [{ rule: 'secondDevice', of } as const]),
    ...(method === 'app' ? [{ rule: 'secondRow', of } as const] : []),
  ]
}

// By network, too, because someone with many stolen passwords could guess at many accounts.
function unknownDeviceAttempts({ address }: Origin, id: string): Counted[] {
  return [
    { rule: 'secondAccount', of: id },
    { rule: 'secondNetwork', of: networkOf(address) },
  ]
}

export async function resetSecondAttempts(
  { limits }: Pick<Registry, 'limits'>,
  { id: of }: Account['user'],
): Promise<void> {
  await limits.forget([
    { rule: 'secondAccount', of },
    { rule: 'secondRow', of },
  ])
}

async function refundSecond({ limits, log }: Registry, attempts: readonly Counted[]): Promise<void> {
  const isShared = ({ rule }: Counted) => rule === 'secondAccount' || rule === 'secondNetwork'
  try {
    await limits.giveBack(attempts.filter(isShared))
    await limits.forget(attempts.filter((one) => !isShared(one)))
  } catch (error) {
    log.warn({ err: error }, 'could not reset login attempts')
  }
}

async function noteWrongCode(
  origin: Origin,
  registry: Registry,
  { account: { user }, method }: SecondAttempt,
): Promise<void> {
  logSecurity(origin, registry, { event: 'second_failed', reason: `${method}_wrong`, user: user.id })
  registry.events.queue(eventOf(origin, registry, { kind: 'second_failed', userId: user.id }))
  // Not reset by a right code, so that guesses between the owner's logins are noticed, too.
  const { reached } = await countAgainstLimits(origin, registry, [
    { rule: 'secondNotice', of: user.id, quiet: true },
  ])
  if (reached.length === 0) return
  const facts = { to: user.email, ...circumstancesOf(origin, registry) }
  await registry.database
    .write((transaction) =>
      registry.outbox.post(transaction, { kind: 'second-failed', userId: user.id, facts }),
    )
    .catch((error: unknown) => registry.log.warn({ err: error }, 'could not queue failed-code email'))
}
