import type Router from '@koa/router'
import type { Context } from 'koa'
import * as fields from '../../accounts/fields.js'
import { besideErrors, onName, whileAllowed } from '../../accounts/hints.js'
import { happens } from '../../accounts/history.js'
import type { Counted } from '../../accounts/limits.js'
import { countedFor, countTaken } from '../../accounts/mail-limits.js'
import { circumstancesOf } from '../../accounts/origin.js'
import { hostObjections } from '../../accounts/registration.js'
import { takePlaces } from '../../accounts/security-log.js'
import { DAY } from '../../base/durations.js'
import { isTaken } from '../../database/constraints.js'
import * as slugs from '../../tables/slugs.js'
import * as users from '../../tables/users.js'
import type { FeatureLink } from '../../visitor/feature.js'
import type { Gatehouse } from '../../visitor/gatehouse.js'
import { requireRecentLogin, userOf } from '../../visitor/guards.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import type { Advice, Broken, Form } from '../../web/form.js'
import type { Acceptance } from '../../web/pages.js'
import { onSubmit, onTyping, type Sent } from '../../web/submit.js'

export const name = 'account/name'
export const links: readonly FeatureLink[] = [
  {
    on: 'account',
    order: 10,
    title: { code: 'account_name_link', sentence: 'Change user name' },
    hint: { code: 'account_name_link_hint', sentence: 'Everybody sees it, and you log in with it' },
  },
]

const form: Form<'username'> = { name, fields: ['username'], secret: [], advised: ['username'] }

/** So long the former public page leads to the new one, and nobody else gets the former name. */
const FORMER_LIFE = 90 * DAY

export const NAME_CHANGED = { code: 'name_changed', sentence: 'Your user name is now {name}.' }
const NAME_UNCHANGED = { code: 'name_unchanged', sentence: 'That is your name already.' }
const CHANGED_MEANWHILE = {
  code: 'name_changed_meanwhile',
  sentence:
    'Your user name was changed in another tab or on another device just now. Press the button again to change it once more.',
}
export const GO_ON = { code: 'name_changed_go_on', sentence: 'Go on to your account' }

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/name/', requireRecentLogin, (ctx) =>
    gatehouse.pages.form(ctx, form, { username: loginOf(ctx).user.name }),
  )

  router.post(
    '/account/name/advice/',
    onTyping(form, gatehouse, (ctx, values) => advise(ctx, gatehouse, values)),
  )

  router.post(
    '/account/name/verify/',
    requireRecentLogin,
    onSubmit(form, gatehouse, async (ctx, values) => {
      const wanted = wantedName(values.username)
      const isNew = wanted.name !== loginOf(ctx).user.name
      const errors = isNew ? await changeName(ctx, gatehouse, wanted) : []
      if (errors.length > 0) {
        const advice = await besideErrors(originOf(ctx, gatehouse), gatehouse, errors, values)
        return await gatehouse.pages.refuse(ctx, form, { errors, advice, values })
      }
      const journey = isNew ? changed(gatehouse, wanted) : unchanged(gatehouse)
      await gatehouse.pages.accept(ctx, form, { ...journey, values: { ...values, username: wanted.name } })
    }),
  )
}

async function advise(ctx: Context, gatehouse: Gatehouse, { username }: Sent<'username'>): Promise<Advice[]> {
  const user = userOf(ctx)
  return user === undefined
    ? []
    : whileAllowed(originOf(ctx, gatehouse), gatehouse, () => onName(gatehouse, username, user.id))
}

function changed({ url }: Gatehouse, { name }: Wanted): Omit<Acceptance, 'values'> {
  return { notice: { message: { ...NAME_CHANGED, params: { name } } }, to: url('account'), onward: GO_ON }
}

function unchanged({ url }: Gatehouse): Omit<Acceptance, 'values'> {
  return { notice: { message: NAME_UNCHANGED }, to: url(name) }
}

/** A name in the form in which it would be stored. */
interface Wanted {
  name: string
  nameKey: string
  slug: string
  looksLike: string
}

function wantedName(typed: string): Wanted {
  const name = fields.normalizeName(typed)
  return { name, ...fields.claimsOf(name) }
}

/** Gives the user the name, or answers what is wrong with it. */
async function changeName(ctx: Context, gatehouse: Gatehouse, wanted: Wanted): Promise<Broken[]> {
  const { user } = loginOf(ctx)
  const errors = fields.check(fields.username, wanted.name)
  if (errors.length > 0) return errors
  const ofHost = await hostObjections(gatehouse, { name: wanted.name, user })
  if (ofHost.length > 0) return [...ofHost]
  await countTaken(originOf(ctx, gatehouse), gatehouse)
  const owner = { now: gatehouse.now(), userId: user.id }
  if (await users.isNameTaken(gatehouse.database.main, wanted, owner)) return [fields.USERNAME_TAKEN]
  return changeCounted(ctx, gatehouse, user, wanted)
}

/** Only what was changed counts. */
async function changeCounted(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  wanted: Wanted,
): Promise<Broken[]> {
  const counted: Counted[] = [
    { rule: 'renameAccount', of: user.id },
    ...countedFor(originOf(ctx, gatehouse), gatehouse, {
      kind: 'name-changed',
      userId: user.id,
      address: user.email,
    }),
  ]
  await takePlaces(originOf(ctx, gatehouse), gatehouse, counted)
  let isDone = false
  try {
    isDone = await change(ctx, gatehouse, user, wanted)
  } catch (error) {
    if (!(error instanceof SlugTaken || isTaken(error))) throw error
    return [fields.USERNAME_TAKEN]
  } finally {
    if (!isDone) await gatehouse.limits.giveBack(counted)
  }
  // A button that was pressed twice has done what was asked for.
  if (!isDone && !(await hasName(gatehouse, user, wanted))) return [CHANGED_MEANWHILE]
  return []
}

/** Somebody else was faster; thrown, so that nothing of the change is committed. */
class SlugTaken extends Error {
  override readonly name = 'SlugTaken'
}

/** Changes the name, or answers false if it is another one by now; throws if somebody else has the wanted one. */
async function change(
  ctx: Context,
  gatehouse: Gatehouse,
  user: users.User,
  wanted: Wanted,
): Promise<boolean> {
  const now = gatehouse.now()
  const { id, name: former, email } = user
  const about = `${former} → ${wanted.name}`
  const done = await happens(
    originOf(ctx, gatehouse),
    gatehouse,
    { kind: 'name_changed', userId: id, about },
    async (transaction) => {
      if (!(await users.rename(transaction, { id, former }, { ...wanted, now }))) return undefined
      // In this order: a slug that stays the same is left, and taken back.
      await slugs.leave(transaction, { slug: user.slug, userId: id }, now + FORMER_LIFE)
      if (!(await slugs.claim(transaction, { slug: wanted.slug, userId: id, now }))) throw new SlugTaken()
      const facts = {
        to: email,
        former,
        current: wanted.name,
        ...circumstancesOf(originOf(ctx, gatehouse), gatehouse),
      }
      await gatehouse.outbox.post(transaction, { kind: 'name-changed', userId: id, facts })
      return true
    },
  )
  return done ?? false
}

async function hasName({ database }: Gatehouse, { id }: users.User, { name }: Wanted): Promise<boolean> {
  const account = await users.byId(database.main, id)
  return account?.user.name === name
}
