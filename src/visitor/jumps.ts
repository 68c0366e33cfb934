import type { Context } from 'koa'
import { withEvent } from '../accounts/history.js'
import { circumstancesOf } from '../accounts/origin.js'
import { DAY } from '../base/durations.js'
import * as sessions from '../tables/sessions.js'
import { networkOf } from '../web/network.js'
import { deviceWords } from '../web/user-agent.js'
import type { Gatehouse } from './gatehouse.js'
import { originOf } from './origin.js'

// Otherwise someone with a copied cookie could flood the activity and the mailbox.
const NOTIFY_EVERY = DAY

// Phones change networks and browsers get updates, so only both at once suggest a copied cookie.
export function isJump({ begun, last, jumpedAt }: sessions.Trail, use: sessions.Use): boolean {
  if (jumpedAt !== null && use.now - jumpedAt < NOTIFY_EVERY) return false
  return isElsewhere(use, last) && isElsewhere(use, begun)
}

function isElsewhere(one: sessions.Place, other: sessions.Place): boolean {
  if (one.address === other.address) return false
  return networkOf(one.address) !== networkOf(other.address) && !isSameDevice(one, other)
}

function isSameDevice(one: sessions.Place, other: sessions.Place): boolean {
  if (one.userAgent === other.userAgent) return true
  const words = deviceWords(one.userAgent)
  const others = deviceWords(other.userAgent)
  return words.browser === others.browser && words.system === others.system
}

// A failure must not fail the request: the next one tries again.
export async function noteJump(
  ctx: Context,
  gatehouse: Gatehouse,
  { user }: sessions.Login,
  use: sessions.Use,
): Promise<void> {
  const since = use.now - NOTIFY_EVERY
  await withEvent(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'session_jumped', userId: user.id },
    async (transaction) => {
      if (!(await sessions.jump(transaction, use, { since }))) return undefined
      // An unconfirmed address may be someone else's, mistyped.
      if (gatehouse.jumpMail && user.emailConfirmedAt !== null) {
        const facts = { to: user.email, ...circumstancesOf(originOf(ctx, gatehouse), gatehouse) }
        await gatehouse.outbox.post(transaction, { kind: 'session-jumped', userId: user.id, facts })
      }
      return true
    },
  ).catch((error: unknown) => gatehouse.log.warn({ err: error }, 'could not save session jump'))
}
