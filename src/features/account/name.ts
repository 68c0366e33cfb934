import type Router from '@koa/router'
import type { Context } from 'koa'
import { hintsBesideErrors, onName, withinHintLimit } from '../../accounts/hints.js'
import { rename, type Wanted, wantedName } from '../../accounts/username.js'
import * as passkeys from '../../tables/passkeys.js'
import type { User } from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireRecentLogin, userOf } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { ownSignal } from '../../visitor/passkeys.js'
import type { Form, Hint } from '../../web/form.js'
import type { Acceptance } from '../../web/pages.js'
import { onSubmit, onTyping, type Sent } from '../../web/submit.js'

export const name = 'account/name'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    group: 'account',
    order: 10,
    title: { code: 'account_name_link', sentence: 'Change username' },
    hint: { code: 'account_name_link_hint', sentence: 'Everyone can see it, and you log in with it' },
  },
]

const form: Form<'username'> = { name, fields: ['username'], secret: [], hinted: ['username'] }

export const NAME_CHANGED = { code: 'name_changed', sentence: 'Your username is now {name}.' }
const NAME_UNCHANGED = { code: 'name_unchanged', sentence: 'This is already your username.' }
export const GO_ON = { code: 'name_changed_go_on', sentence: 'Continue to your account' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/name/', requireRecentLogin, async (ctx) => {
    const { user } = loginOf(ctx)
    const around = await passkeysOf(ctx, gatehouse, user)
    await gatehouse.pages.form(ctx, form, { username: user.name }, { around })
  })

  router.post(
    '/account/name/hints/',
    onTyping(form, gatehouse, (ctx, values) => hintsFor(ctx, gatehouse, values)),
  )

  router.post(
    '/account/name/verify/',
    requireRecentLogin,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const wanted = wantedName(values.username)
      const isNew = wanted.name !== loginOf(ctx).user.name
      const errors = isNew ? await rename(originOf(ctx, gatehouse), gatehouse, loginOf(ctx).user, wanted) : []
      if (errors.length > 0) {
        const hints = await hintsBesideErrors(originOf(ctx, gatehouse), gatehouse, errors, values)
        return await gatehouse.pages.refuse(ctx, form, { errors, hints, values })
      }
      const acceptance = isNew ? changed(gatehouse, wanted) : unchanged(gatehouse)
      await gatehouse.pages.accept(ctx, form, {
        ...acceptance,
        values: { ...values, username: wanted.name },
        around: await passkeysOf(ctx, gatehouse, { ...loginOf(ctx).user, name: wanted.name }),
      })
    }),
  )
}

// Password managers show the username beside the passkeys.
async function passkeysOf(ctx: Context, gatehouse: Gatehouse, user: User): Promise<object> {
  const own = await passkeys.ofUser(gatehouse.database.main, user.id)
  return { signal: ownSignal(ctx, gatehouse, { user, own, isEmptied: false }) }
}

async function hintsFor(ctx: Context, gatehouse: Gatehouse, { username }: Sent<'username'>): Promise<Hint[]> {
  const user = userOf(ctx)
  return user === undefined
    ? []
    : withinHintLimit(originOf(ctx, gatehouse), gatehouse, () => onName(gatehouse, username, user.id))
}

function changed({ url }: Gatehouse, { name }: Wanted): Omit<Acceptance, 'values'> {
  return { notice: { message: { ...NAME_CHANGED, params: { name } } }, to: url('account'), onward: GO_ON }
}

function unchanged({ url }: Gatehouse): Omit<Acceptance, 'values'> {
  return { notice: { message: NAME_UNCHANGED }, to: url(name) }
}
