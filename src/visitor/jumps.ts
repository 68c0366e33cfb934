import type { Context } from 'koa'
import { happens } from '../accounts/history.js'
import { circumstancesOf } from '../accounts/origin.js'
import { DAY } from '../base/durations.js'
import * as sessions from '../tables/sessions.js'
import { networkOf } from '../web/network.js'
import { deviceWords } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { originOf } from './origin.js'

/** One session is not told of more often: who holds a copy of its cookie could fill the history and the mailbox. */
const TELL_EVERY = DAY

/**
 * Whether a session is used by another browser and from another network than at its login and at its last use, as with a
 * copied cookie, and it is time to tell that. A phone changes networks, and a browser is updated: neither alone is a jump.
 */
export function isJump({ begun, last, jumpedAt }: sessions.Trail, use: sessions.Use): boolean {
  if (jumpedAt !== null && use.now - jumpedAt < TELL_EVERY) return false
  return isElsewhere(use, last) && isElsewhere(use, begun)
}

function isElsewhere(one: sessions.Place, other: sessions.Place): boolean {
  return networkOf(one.address) !== networkOf(other.address) && !isSameDevice(one, other)
}

function isSameDevice(one: sessions.Place, other: sessions.Place): boolean {
  if (one.userAgent === other.userAgent) return true
  const words = deviceWords(one.userAgent)
  const others = deviceWords(other.userAgent)
  return words.browser === others.browser && words.system === others.system
}

/** Notes the jump, and tells of it. The page that is asked for comes in any case: the next request notes it. */
export async function noteJump(
  ctx: Context,
  gatehouse: Gatehouse,
  { user }: sessions.Login,
  use: sessions.Use,
): Promise<void> {
  const since = use.now - TELL_EVERY
  await happens(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'session_jumped', userId: user.id },
    async (transaction) => {
      if (!(await sessions.jump(transaction, use, { since }))) return undefined
      // Somebody else's address, typed by mistake, is not told of it.
      if (gatehouse.jumpMail && user.emailConfirmedAt !== null) {
        const facts = { to: user.email, ...circumstancesOf(originOf(ctx, gatehouse), gatehouse) }
        await gatehouse.outbox.post(transaction, { kind: 'session-jumped', userId: user.id, facts })
      }
      return true
    },
  ).catch((error: unknown) => gatehouse.log.warn({ err: error }, 'a jump of a session was not noted'))
}
