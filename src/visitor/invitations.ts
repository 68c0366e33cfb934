import type { Context } from 'koa'
import { hashOf } from '../secrets/token.js'
import * as invitations from '../tables/invitations.js'
import { keep, keptText } from '../web/session.js'
import type { Gatehouse } from './gatehouse.js'

const NOTE = 'invitation'
const TOKEN = /^[\w-]{43}$/

export function keepInvitation(ctx: Context, token: string): void {
  keep(ctx, { [NOTE]: TOKEN.test(token) ? token : 'none' })
}

/** Whether this browser opened an invitation, even one that does not work. */
export function hasInvitation(ctx: Context): boolean {
  return keptText(ctx, NOTE) !== undefined
}

export async function invitationOf(
  ctx: Context,
  { database, now }: Gatehouse,
): Promise<invitations.Invitation | undefined> {
  const token = keptText(ctx, NOTE)
  return token === undefined ? undefined : await invitations.byHash(database.main, hashOf(token), now())
}

export function forgetInvitation(ctx: Context): void {
  keep(ctx, { [NOTE]: undefined })
}
