import { Readable } from 'node:stream'
import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'
import { hasCodesOf, makeRecoveryCodes } from '../../accounts/two-step.js'
import * as recovery from '../../tables/recovery-codes.js'
import * as users from '../../tables/users.js'
import { type Gatehouse, gatehouseOf } from '../../visitor/gatehouse.js'
import { requireRecentSecond } from '../../visitor/guards.js'
import { stayKnown } from '../../visitor/known-devices.js'
import { loginOf } from '../../visitor/logins.js'
import { originOf } from '../../visitor/origin.js'
import { CODES_LIFE, keepCodes, newCodesOf, nextSeedOf } from '../../visitor/two-step-notes.js'
import type { Form } from '../../web/form.js'
import { onSubmit } from '../../web/submit.js'

export const name = 'account/recovery-codes'
export const partOf = 'account/two-step'

const form: Form<never> = { name, fields: [], secret: [], oneButton: true, around }
const file: Form<never> = {
  name: 'account/recovery-codes/file',
  fields: [],
  secret: [],
  oneButton: true,
  on: form,
}

export const MADE = {
  code: 'recovery_made',
  sentence: 'Here are your new recovery codes. The old ones no longer work.',
}
const SEEN_ALREADY = {
  code: 'recovery_seen_already',
  sentence: 'Recovery codes are shown for 10 minutes only. If you did not keep them, create new ones.',
}

export function routes(router: Router, gatehouse: Gatehouse): void {
  router.get('/account/recovery-codes/', requireRecentSecond, requireOn, (ctx) =>
    gatehouse.pages.form(ctx, form),
  )
  router.post(
    '/account/recovery-codes/',
    requireRecentSecond,
    requireOn,
    onSubmit(form, gatehouse, async (ctx) => {
      const isMade = await make(ctx, gatehouse)
      gatehouse.pages.leave(ctx, gatehouse.url(name), isMade ? { message: MADE } : undefined)
    }),
  )

  router.get('/account/recovery-codes/file/', (ctx) => gatehouse.pages.leave(ctx, gatehouse.url(name)))
  router.post(
    '/account/recovery-codes/file/',
    requireRecentSecond,
    onSubmit(file, gatehouse, async (ctx) => {
      const codes = newCodesOf(ctx, gatehouse)
      if (codes === undefined)
        return gatehouse.pages.leave(ctx, gatehouse.url(name), { message: SEEN_ALREADY })
      const content = Readable.from([textOf(gatehouse, loginOf(ctx).user.name, codes)])
      gatehouse.pages.download(ctx, { name: 'recovery-codes.txt', content })
    }),
  )
}

const requireOn: Middleware = async (ctx, next) => {
  const gatehouse = gatehouseOf(ctx)
  if (loginOf(ctx).user.secondStepAt !== null) return await next()
  gatehouse.pages.leave(ctx, gatehouse.url(partOf))
}

async function around(ctx: Context): Promise<object> {
  const gatehouse = gatehouseOf(ctx)
  nextSeedOf(ctx, gatehouse)
  const codes = newCodesOf(ctx, gatehouse)
  if (codes !== undefined) return { codes: codes.map(grouped), life: CODES_LIFE, shownAt: gatehouse.now() }
  return { count: await recovery.countOf(gatehouse.database.main, loginOf(ctx).user.id) }
}

async function make(ctx: Context, gatehouse: Gatehouse): Promise<boolean> {
  const seed = nextSeedOf(ctx, gatehouse)
  const stamp = (await makeOnce(ctx, gatehouse, seed)) ?? (await stampIfMade(ctx, gatehouse, seed))
  if (stamp === undefined) return false
  stayKnown(ctx, gatehouse, { stamp })
  keepCodes(ctx, gatehouse, seed)
  return true
}

async function stampIfMade(ctx: Context, gatehouse: Gatehouse, seed: string): Promise<string | undefined> {
  const { user } = loginOf(ctx)
  if (!(await hasCodesOf(originOf(ctx, gatehouse), gatehouse, user.id, seed))) return undefined
  return (await users.byId(gatehouse.database.main, user.id))?.deviceStamp
}

async function makeOnce(ctx: Context, gatehouse: Gatehouse, seed: string): Promise<string | undefined> {
  const { session, user } = loginOf(ctx)
  const wanted = { seed, session: session.id }
  return (await makeRecoveryCodes(originOf(ctx, gatehouse), gatehouse, user, wanted))?.stamp
}

function grouped(code: string): string {
  return (code.match(/.{5}/g) ?? []).join(' ')
}

// Notepad before Windows 10 1809 breaks lines only at CR LF.
function textOf({ siteName }: Gatehouse, name: string, codes: readonly string[]): string {
  return [siteName, name, '', ...codes.map(grouped), ''].join('\r\n')
}
