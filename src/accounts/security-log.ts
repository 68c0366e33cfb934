import { networkOf } from '../web/network.js'
import { loginKeyOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Taken } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'

export interface SecurityEvent {
  event: string
  reason?: string
  purpose?: string
  typed?: string
  user?: string
}

// Logs pseudonyms, not names, addresses or input (ASVS 5 16.3).
export function logSecurity(
  origin: Origin,
  { log, pseudonym }: Pick<Registry, 'log' | 'pseudonym'>,
  { event, reason, purpose, typed, user }: SecurityEvent,
): void {
  log.info(
    {
      id: origin.visit?.requestId(),
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

export async function countAgainstLimits(
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
