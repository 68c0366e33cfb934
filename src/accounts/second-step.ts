import { stepOf } from '../secrets/authenticator.js'
import { RECOVERY_DIGITS } from '../secrets/recovery.js'
import * as apps from '../tables/authenticator-apps.js'
import * as events from '../tables/events.js'
import * as recovery from '../tables/recovery-codes.js'
import type { Account, User } from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { appOf } from './app-secrets.js'
import { normalizeCode } from './codes.js'
import { withEventId } from './events.js'
import { eventOf } from './history.js'
import type { Proof, SecondMethod } from './login-methods.js'
import { circumstancesOf, type Origin } from './origin.js'
import type { Registry } from './registry.js'
import { withinLimits } from './second-limits.js'
import { cancellation } from './second-lost.js'

export interface SecondProof extends Proof {
  method: SecondMethod
}

export type SecondOutcome = { ok: true; proof: SecondProof } | { ok: false; error: FieldError }

export const SECOND_MISSING: FieldError = {
  field: 'code',
  code: 'second_code_missing',
  sentence: 'Enter the code from your authenticator app.',
}
const NOT_A_CODE: FieldError = {
  field: 'code',
  code: 'second_code_digits',
  sentence: 'The code must be the 6 digits from your authenticator app, or the 20 digits of a recovery code.',
}
export const SECOND_WRONG: FieldError = {
  field: 'code',
  code: 'second_code_wrong',
  sentence: 'The code is not correct or has already been used. Wait until your app shows the next one.',
}

export async function proveSecond(
  origin: Origin,
  registry: Registry,
  { account, typed }: { account: Account; typed: string },
): Promise<SecondOutcome> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: SECOND_MISSING }
  const method = methodOf(code)
  if (method === undefined) return { ok: false, error: NOT_A_CODE }
  const prove = method === 'app' ? proveApp : proveRecovery
  const proof = await withinLimits(origin, registry, { account, method }, () =>
    prove(origin, registry, account.user, code),
  )
  if (proof === undefined) return { ok: false, error: SECOND_WRONG }
  return { ok: true, proof: cancelingLost(origin, registry, account.user, proof) }
}

// A user who passes the second step has not lost it.
export function cancelingLost<One extends Proof>(
  origin: Origin,
  registry: Registry,
  user: User,
  proof: One,
): One {
  const lost = cancellation(origin, registry, user)
  return {
    ...proof,
    async spend(transaction) {
      if (!(await proof.spend(transaction))) return false
      await lost.store(transaction)
      return true
    },
    report() {
      proof.report()
      lost.report()
    },
  }
}

const APP_CODE = /^\d{6}$/
const RECOVERY_CODE = new RegExp(`^\\d{${RECOVERY_DIGITS}}$`)

export function methodOf(code: string): SecondMethod | undefined {
  if (APP_CODE.test(code)) return 'app'
  return RECOVERY_CODE.test(code) ? 'recovery' : undefined
}

async function proveApp(
  _: Origin,
  registry: Registry,
  { id: userId }: User,
  code: string,
): Promise<SecondProof | undefined> {
  const { now } = registry
  const app = await appOf(registry, userId)
  if (app === undefined) return undefined
  const step = await stepOf({ secret: app.secret, code, lastStep: app.lastStep, now: now() })
  if (step === undefined) return undefined
  return {
    method: 'app',
    spend: (transaction) => apps.spend(transaction, userId, { step, now: now() }),
    report() {},
  }
}

async function proveRecovery(
  origin: Origin,
  registry: Registry,
  user: User,
  code: string,
): Promise<SecondProof | undefined> {
  const { id: userId } = user
  const { database, passwords, now } = registry
  const salt = await recovery.saltOf(database.main, userId)
  const tag = await passwords.tag(code, salt ?? passwords.newSalt(), origin.visit?.throwIfDisconnected)
  if (!(await recovery.isLeft(database.main, userId, tag))) return undefined
  const event = withEventId(eventOf(origin, registry, { kind: 'recovery_used', userId }))
  const circumstances = { to: user.email, ...circumstancesOf(origin, registry) }
  return {
    method: 'recovery',
    async spend(transaction) {
      if (!(await recovery.spend(transaction, userId, { tag, now: now() }))) return false
      await events.insert(transaction, event)
      const { left = 0 } = (await recovery.countOf(transaction, userId)) ?? {}
      const facts = { ...circumstances, left }
      await registry.outbox.post(transaction, { kind: 'recovery-used', userId, facts })
      return true
    },
    report: () => registry.events.report([event]),
  }
}
