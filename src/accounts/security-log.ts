import { networkOf } from '../web/network.js'
import { loginKeyOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Taken } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

/** What a line says beside when, from which network, and in which request. */
export interface SecurityLine {
  event: string
  /** Why it was refused, by a stable code. */
  reason?: string
  /** Of a code. */
  purpose?: string
  /** As it was typed; also what nobody is called. */
  typed?: string
  user?: string
}

/** Writes what a login, code or change came to (ASVS 5 16.3); never a name, an address or what was typed. */
export function logSecurity(
  origin: Origin,
  { log, pseudonym }: Pick<Registry, 'log' | 'pseudonym'>,
  { event, reason, purpose, typed, user }: SecurityLine,
): void {
  log.info(
    {
      id: origin.visit?.requestId,
      event,
      ...(reason !== undefined && { reason }),
      ...(purpose !== undefined && { purpose }),
      network: pseudonym(`network ${networkOf(origin.address)}`),
      ...(typed !== undefined && { name: pseudonym(`name ${loginKeyOf(typed)}`) }),
      ...(user !== undefined && { user }),
    },
    'security event',
  )
}

/** Takes places in limits for a request, and logs the limit that leaves none. Throws `LimitReached`. */
export async function takePlaces(
  origin: Origin,
  registry: Registry,
  counted: readonly Counted[],
  typed?: string,
): Promise<Taken> {
  try {
    return await registry.limits.take(counted)
  } catch (error) {
    if (error instanceof LimitReached) {
      logSecurity(origin, registry, {
        event: 'limit_reached',
        reason: error.rule,
        ...(typed !== undefined && { typed }),
      })
    }
    throw error
  }
}
