import type { Account } from '../tables/users.js'
import { networkOf } from '../web/network.js'
import { eventOf } from './history.js'
import type { Counted } from './limits.js'
import type { SecondMethod } from './login-methods.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { logSecurity, takePlaces } from './security-log.js'

export interface SecondTry {
  account: Account
  method: SecondMethod
}

/**
 * Counts before `prove`, so that parallel requests cannot exceed a limit. Call it only after the right
 * password, so that strangers cannot use up the limits of an account.
 */
export async function counted<Proof>(
  origin: Origin,
  registry: Registry,
  tried: SecondTry,
  prove: () => Promise<Proof | undefined>,
): Promise<Proof | undefined> {
  const places = placesOf(origin, tried)
  await takePlaces(origin, registry, places)
  const proof = await prove().catch(async (error: unknown) => {
    await registry.limits.giveBack(places).catch(() => {})
    throw error
  })
  if (proof === undefined) await noteWrongCode(origin, registry, tried)
  else await forgive(registry, places)
  return proof
}

// 100 codes in a row with three valid ones each are guessed with a chance of 0.03 % (ASVS 5 6.5.1, 6.6.3). Recovery
// codes are too long to be guessed.
function placesOf(origin: Origin, { account, method }: SecondTry): Counted[] {
  const { id } = account.user
  const device = origin.visit?.provenDeviceOf(account)
  const of = device === undefined ? id : `${id} ${device}`
  return [
    ...(device === undefined ? placesOfStranger(origin, id) : [{ rule: 'secondDevice', of } as const]),
    ...(method === 'app' ? [{ rule: 'secondRow', of } as const] : []),
  ]
}

// By its network, too, or someone with many stolen passwords could guess at many accounts.
function placesOfStranger({ address }: Origin, id: string): Counted[] {
  return [
    { rule: 'secondAccount', of: id },
    { rule: 'secondNetwork', of: networkOf(address) },
  ]
}

export async function forgetSecondTries(
  { limits }: Pick<Registry, 'limits'>,
  { id: of }: Account['user'],
): Promise<void> {
  await limits.forget([
    { rule: 'secondAccount', of },
    { rule: 'secondRow', of },
  ])
}

async function forgive({ limits, log }: Registry, places: readonly Counted[]): Promise<void> {
  const isShared = ({ rule }: Counted) => rule === 'secondAccount' || rule === 'secondNetwork'
  try {
    await limits.giveBack(places.filter(isShared))
    await limits.forget(places.filter((place) => !isShared(place)))
  } catch (error) {
    log.warn({ err: error }, 'could not reset login attempts')
  }
}

async function noteWrongCode(
  origin: Origin,
  registry: Registry,
  { account: { user }, method }: SecondTry,
): Promise<void> {
  logSecurity(origin, registry, { event: 'second_failed', reason: `${method}_wrong`, user: user.id })
  registry.events.note(eventOf(origin, registry, { kind: 'second_failed', userId: user.id }))
  // Not reset by a right code: a few guesses between the owner's logins must be noticed, too.
  const { filled } = await takePlaces(origin, registry, [{ rule: 'secondNotice', of: user.id, quiet: true }])
  if (filled.length === 0) return
  const facts = { to: user.email, ...circumstancesOf(origin, registry) }
  await registry.database
    .write((transaction) =>
      registry.outbox.post(transaction, { kind: 'second-failed', userId: user.id, facts }),
    )
    .catch((error: unknown) => registry.log.warn({ err: error }, 'could not queue failed-code email'))
}
