import { createHmac } from 'node:crypto'
import type { Context } from 'koa'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { requestId } from '../web/log.js'
import { networkOf } from '../web/network.js'
import { loginKeyOf } from './fields.js'
import { type Counted, LimitReached, type Taken } from './limits.js'

/** Stands for a text in the log: the same for the same text, as long as the newest key of the site is the same. */
export type Pseudonym = (text: string) => string

const LENGTH = 12

/** `secret` keeps whoever reads the log from trying which name or network it is. */
export function createPseudonym(secret: Buffer | undefined): Pseudonym {
  if (secret === undefined) throw new Error('createPseudonym needs a secret.')
  return (text) => createHmac('sha256', secret).update(text).digest('base64url').slice(0, LENGTH)
}

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
  ctx: Context,
  gatehouse: Gatehouse,
  { event, reason, purpose, typed, user }: SecurityLine,
): void {
  const { log, pseudonym } = gatehouse
  log.info(
    {
      id: requestId(ctx),
      event,
      ...(reason !== undefined && { reason }),
      ...(purpose !== undefined && { purpose }),
      network: pseudonym(`network ${networkOf(gatehouse.address(ctx))}`),
      ...(typed !== undefined && { name: pseudonym(`name ${loginKeyOf(typed)}`) }),
      ...(user !== undefined && { user }),
    },
    'security event',
  )
}

/** Takes places in limits for a request, and logs the limit that leaves none. Throws `LimitReached`. */
export async function takePlaces(
  ctx: Context,
  gatehouse: Gatehouse,
  counted: readonly Counted[],
  typed?: string,
): Promise<Taken> {
  try {
    return await gatehouse.limits.take(counted)
  } catch (error) {
    if (error instanceof LimitReached) {
      logSecurity(ctx, gatehouse, {
        event: 'limit_reached',
        reason: error.rule,
        ...(typed !== undefined && { typed }),
      })
    }
    throw error
  }
}
