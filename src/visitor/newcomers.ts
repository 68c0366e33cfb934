import type { Context } from 'koa'
import { canResetByEmail } from '../accounts/passwordless.js'
import { MINUTE } from '../base/durations.js'
import type { Invitation } from '../tables/invitations.js'
import type { Subject, Values } from '../web/form.js'
import { keep, keepOptional, keptText } from '../web/session.js'
import { type Gatehouse, gatehouseOf } from './gatehouse.js'
import { relyingPartyOf } from './passkeys.js'

const NOTE = 'newcomer'

// As long as the challenge of its page.
const LIFE = 30 * MINUTE

/** A sign-up that passed every check and still needs its passkey. */
export interface Newcomer {
  /** Of the future account. The passkey contains it. */
  id: string
  name: string
  email: string | null
  values: Values
}

/** Whether this visitor may sign up without a password. If the passkey is lost, only a confirmed address can reset the account. */
export function maySignUpByPasskey(
  ctx: Context,
  gatehouse: Gatehouse,
  invitation: Invitation | undefined,
): boolean {
  const { rules, offers } = gatehouse
  const isRequired = rules.confirmation === 'required' && rules.confirmationGrace === 0
  const getsConfirmed = invitation !== undefined || (isRequired && offers('email/confirm'))
  return getsConfirmed && canResetByEmail(gatehouse) && relyingPartyOf(ctx, gatehouse) !== undefined
}

export function keepNewcomer(ctx: Context, gatehouse: Gatehouse, newcomer: Newcomer): boolean {
  const content = JSON.stringify({ ...newcomer, at: gatehouse.now() })
  // Encrypted, because the app's own session may be readable.
  return keepOptional(ctx, NOTE, gatehouse.cipher.encrypt(content, bindingOf(ctx, gatehouse)))
}

export function newcomerOf(ctx: Context, gatehouse: Gatehouse): Newcomer | undefined {
  const text = gatehouse.cipher.decrypt(keptText(ctx, NOTE) ?? '', bindingOf(ctx, gatehouse))
  if (text === undefined) return undefined
  const newcomer: Newcomer & { at: number } = JSON.parse(text)
  const age = gatehouse.now() - newcomer.at
  return age >= 0 && age < LIFE ? newcomer : undefined
}

export function forgetNewcomer(ctx: Context): void {
  keep(ctx, { [NOTE]: undefined })
}

// Each login changes the secret, so the next user of this browser cannot see what the previous one typed.
function bindingOf(ctx: Context, { csrf }: Gatehouse): string {
  return `${NOTE} of ${csrf.secretOf(ctx)}`
}

export const newcomer: Subject = {
  id: (ctx) => newcomerOf(ctx, gatehouseOf(ctx))?.id,
  name: async (ctx) => newcomerOf(ctx, gatehouseOf(ctx))?.name,
}
