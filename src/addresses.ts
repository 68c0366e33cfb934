import type { Context } from 'koa'
import { newDeviceStamp } from './devices.js'
import { happens } from './events.js'
import type { House } from './house.js'
import { circumstances } from './notices.js'
import type { MailKind } from './outbox.js'
import * as mails from './tables/mails.js'
import * as sessions from './tables/sessions.js'
import * as tokens from './tables/tokens.js'
import { isTaken } from './tables/unique.js'
import * as users from './tables/users.js'

/** Changes the address if it is still wanted and free; the former one gets a mail by which that can be undone. */
export async function changeAddress(
  ctx: Context,
  house: House,
  { email, emailKey, hash }: tokens.Token,
  user: users.User,
): Promise<'done' | 'taken' | undefined> {
  const now = house.now()
  const happening = { kind: 'email_changed', userId: user.id, about: `${user.email} → ${email}` } as const
  try {
    if (await users.isEmailTaken(house.database.main, emailKey, { now, userId: user.id })) return 'taken'
    const done = await happens(ctx, house, happening, async (transaction) => {
      const used = await tokens.use(transaction, { hash, purpose: 'email-change', now })
      const change = { email, emailKey, now, wanted: true }
      if (used === undefined || !(await users.setEmail(transaction, user.id, change))) return undefined
      // What was sent to the former address proves nothing any more, but that it was the former one.
      await tokens.revoke(transaction, user.id, ['email-confirm', 'password-reset'])
      const facts = { to: user.email, email, ...circumstances(ctx, house) }
      await house.outbox.post(transaction, { kind: 'email-changed', userId: user.id, facts })
      return true
    })
    return done && 'done'
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}

/** What ends when an address is restored, beside the links that undo later changes. */
const ENDED: readonly tokens.Purpose[] = ['email-confirm', 'password-reset', 'email-change', 'account-reopen']

/** Those that would make such a token when they are sent. */
const ENDED_MAILS: readonly MailKind[] = ['email-confirm', 'password-reset', 'email-change', 'account-closed']

/**
 * Somebody else had the account: its former address counts again, and everything that they may have is void. That the
 * account was closed meanwhile is undone, too.
 */
export async function restoreAddress(
  ctx: Context,
  house: House,
  { userId, email, emailKey, hash }: tokens.Token,
): Promise<users.User | 'taken' | undefined> {
  const now = house.now()
  try {
    if (await users.isEmailTaken(house.database.main, emailKey, { now, userId })) return 'taken'
    const done = await happens(
      ctx,
      house,
      { kind: 'email_restored', userId, about: email },
      async (transaction) => {
        const used = await tokens.use(transaction, { hash, purpose: 'email-undo', now })
        if (used === undefined || !(await users.setEmail(transaction, userId, { email, emailKey, now }))) {
          return undefined
        }
        await users.setPassword(transaction, userId, { passwordHash: '', deviceStamp: newDeviceStamp(), now })
        await users.reopen(transaction, userId, now)
        await sessions.closeAll(transaction, userId, { now })
        await tokens.revoke(transaction, userId, ENDED)
        await mails.cancel(transaction, userId, ENDED_MAILS)
        // Not those of earlier changes: a thief who changes the address twice could undo the second one, and end by it the
        // link that its owner was sent.
        await tokens.revokeLater(transaction, used)
        await mails.cancel(transaction, userId, ['email-changed'], { since: used.createdAt })
        const facts = { to: email, ...circumstances(ctx, house) }
        await house.outbox.post(transaction, { kind: 'email-restored', userId, facts })
        await house.outbox.post(transaction, { kind: 'password-reset', userId })
        return true
      },
    )
    return done && (await users.byId(house.database.main, userId))?.user
  } catch (error) {
    if (isTaken(error)) return 'taken'
    throw error
  }
}
