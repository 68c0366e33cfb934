import type Router from '@koa/router'
import type { Context } from 'koa'
import { TO_PASSKEYS } from '../../../accounts/password.js'
import { removePassword } from '../../../accounts/passwordless.js'
import type { Gatehouse } from '../../../visitor/gatehouse.js'
import { requireRecentSecond } from '../../../visitor/guards.js'
import { stayKnown } from '../../../visitor/known-devices.js'
import { loginOf } from '../../../visitor/logins.js'
import { originOf } from '../../../visitor/origin.js'
import { relyingPartyOf } from '../../../visitor/passkeys.js'
import { renewalOf, repeatChange } from '../../../visitor/renewal.js'
import type { Form } from '../../../web/form.js'
import { fingerprint, onSubmit } from '../../../web/submit.js'
import { form as password } from '../password.js'

export const name = 'account/password/remove'
export const partOf = 'account/passkeys'

const form: Form<never> = { name, fields: [], secret: [], oneButton: true, on: password }

export const REMOVED = {
  code: 'password_removed',
  sentence: 'Your password is removed. You now log in with a passkey. All other devices are logged out.',
}
const FEW = {
  code: 'password_needed_still',
  sentence: 'Without your password, a lost passkey would lock you out. Your password stays.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  const toPassword = (ctx: Context) => gatehouse.pages.leave(ctx, gatehouse.url(password.name))
  router.get('/account/password/remove/', toPassword)

  router.post(
    '/account/password/remove/',
    requireRecentSecond,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const state = await remove(ctx, gatehouse, fingerprint(ctx, gatehouse, values))
      if (state === 'few') return refuse(ctx, gatehouse)
      if (state === 'gone') return toPassword(ctx)
      gatehouse.pages.leave(ctx, gatehouse.url('account'), { message: REMOVED })
    }),
  )
}

async function remove(
  ctx: Context,
  gatehouse: Gatehouse,
  print: string,
): Promise<'removed' | 'few' | 'gone'> {
  const { session, user } = loginOf(ctx)
  const renewal = renewalOf(ctx, gatehouse, { form: print, proved: 'nothing' })
  const outcome = await removePassword(originOf(ctx, gatehouse), gatehouse, user, {
    rpId: relyingPartyOf(ctx, gatehouse)?.id ?? '',
    session: { id: session.id, renew: renewal.store },
  })
  if (outcome.state === 'gone') return (await repeatChange(ctx, gatehouse, print)) ? 'removed' : 'gone'
  if (outcome.state === 'few') return 'few'
  await renewal.setCookies()
  stayKnown(ctx, gatehouse, { stamp: outcome.stamp })
  return 'removed'
}

function refuse(ctx: Context, { pages, url }: Gatehouse): void {
  pages.problem(ctx, { status: 403, error: FEW, link: { href: url(partOf), message: TO_PASSKEYS } })
}
