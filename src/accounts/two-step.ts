import type { Draft } from '../mail/outbox.js'
import { newAppSecret, stepAt, stepOf } from '../secrets/authenticator.js'
import { codesOf, newSeed } from '../secrets/recovery.js'
import * as apps from '../tables/authenticator-apps.js'
import * as passkeys from '../tables/passkeys.js'
import * as recovery from '../tables/recovery-codes.js'
import type { Db } from '../tables/schema.js'
import * as sessions from '../tables/sessions.js'
import * as users from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { appContext } from './app-secrets.js'
import { normalizeCode } from './codes.js'
import { endWith, type Outcome } from './consequences.js'
import { orRollBack, withEvent } from './history.js'
import { countedNotice } from './mail-limits.js'
import type { Origin } from './origin.js'
import type { OwnSession } from './password.js'
import type { Registry } from './registry.js'
import { endSecond } from './second-lost.js'
import { methodOf, SECOND_MISSING, SECOND_WRONG } from './second-step.js'

export interface SetUp {
  secret: string
  seed: string
}

export async function newSetUp(): Promise<SetUp> {
  return { secret: await newAppSecret(), seed: newSeed() }
}

const NOT_AN_APP_CODE: FieldError = {
  field: 'code',
  code: 'app_code_digits',
  sentence: 'The code must be 6 digits.',
}

// Someone may have signed up with another person's address, whose owner must still be able to get in.
export function canTurnOn(
  { outbox }: Pick<Registry, 'outbox'>,
  { email, emailConfirmedAt }: Pick<users.User, 'email' | 'emailConfirmedAt'>,
): boolean {
  return email === null || emailConfirmedAt !== null || !outbox.isOn
}

export type Proved = { ok: true; step: number } | { ok: false; error: FieldError }

export async function checkApp({ now }: Registry, { secret }: SetUp, typed: string): Promise<Proved> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: SECOND_MISSING }
  if (methodOf(code) !== 'app') return { ok: false, error: NOT_AN_APP_CODE }
  const step = await stepOf({ secret, code, lastStep: 0, now: now() })
  return step === undefined ? { ok: false, error: SECOND_WRONG } : { ok: true, step }
}

export async function turnOn(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { secret, seed, step, session }: SetUp & { step: number; session: OwnSession },
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const mail = await countedNotice(origin, registry, user, { kind: 'second-on', rule: 'secondChange' })
  const codes = await hashCodes(origin, registry, seed)
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'second_on', userId }, async (transaction) => {
    if (!(await users.startSecondStep(transaction, userId, now))) return undefined
    await apps.add(transaction, userId, {
      secret: registry.appCipher.encrypt(secret, appContext(userId)),
      step,
      now,
    })
    await recovery.replace(transaction, userId, { ...codes, now })
    return finishChange(transaction, registry, 'second_on', { userId, now, session, mail })
  })
}

/** For an imported account, whose owner has the app. The other system may have used the codes shown until now. */
export async function turnOnImported(
  transaction: Db,
  { appCipher }: Pick<Registry, 'appCipher'>,
  { userId, secret, now }: { userId: string; secret: string; now: number },
): Promise<void> {
  await users.startSecondStep(transaction, userId, now)
  const encrypted = appCipher.encrypt(secret, appContext(userId))
  await apps.add(transaction, userId, { secret: encrypted, step: stepAt(now), now })
}

async function finishChange(
  transaction: Db,
  { outbox }: Registry,
  change: 'second_on' | 'app_added' | 'app_replaced',
  { userId, now, session, mail }: { userId: string; now: number; session: OwnSession; mail: Draft },
): Promise<Outcome> {
  orRollBack(await session.renew(transaction))
  await outbox.post(transaction, mail)
  return endWith(transaction, change, { userId, now, session: session.id })
}

/** For a user whose second step is a passkey so far. */
export async function addApp(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { secret, step, session }: Pick<SetUp, 'secret'> & { step: number; session: OwnSession },
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const mail = await countedNotice(origin, registry, user, { kind: 'app-added', rule: 'secondChange' })
  const encrypted = registry.appCipher.encrypt(secret, appContext(userId))
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'app_added', userId }, async (transaction) => {
    const account = await users.lockAccount(transaction, userId)
    if (account === undefined || account.user.secondStepAt === null) return undefined
    if ((await apps.ofUser(transaction, userId)) !== undefined) return undefined
    await apps.add(transaction, userId, { secret: encrypted, step, now })
    return finishChange(transaction, registry, 'app_added', { userId, now, session, mail })
  })
}

export async function replaceApp(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { secret, step, session }: Pick<SetUp, 'secret'> & { step: number; session: OwnSession },
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const old = await apps.ofUser(registry.database.main, userId)
  // A parallel form of the same page has done it.
  if (old === undefined || registry.appCipher.decrypt(old.secret, appContext(userId)) === secret)
    return undefined
  const mail = await countedNotice(origin, registry, user, { kind: 'app-replaced', rule: 'secondChange' })
  const encrypted = registry.appCipher.encrypt(secret, appContext(userId))
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'app_replaced', userId }, async (transaction) => {
    const app = { secret: encrypted, insteadOf: old.secret, step, now }
    if (!(await apps.replace(transaction, userId, app))) return undefined
    return finishChange(transaction, registry, 'app_replaced', { userId, now, session, mail })
  })
}

export async function turnOff(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { session }: { session?: OwnSession } = {},
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const mail = await countedNotice(origin, registry, user, { kind: 'second-off', rule: 'secondChange' })
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'second_off', userId }, async (transaction) => {
    if (!(await endSecond(transaction, userId, now))) return undefined
    if (session !== undefined) orRollBack(await session.renew(transaction))
    // A user who needs an operator has lost the passkeys, too, which a required second step would ask for.
    else await passkeys.removeAll(transaction, userId)
    await registry.outbox.post(transaction, mail)
    return endWith(transaction, 'second_off', { userId, now, ...(session && { session: session.id }) })
  })
}

/** Returns undefined if the session has ended, or this or a parallel form has made codes. */
export async function makeRecoveryCodes(
  origin: Origin,
  registry: Registry,
  user: users.User,
  { seed, session }: { seed: string; session: string },
): Promise<Outcome | undefined> {
  const { id: userId } = user
  const former = await recovery.saltOf(registry.database.main, userId)
  // After reading the salt: codes made before that are found here, later ones by their salt.
  if (await hasCodesOf(origin, registry, userId, seed)) return undefined
  const mail = await countedNotice(origin, registry, user, { kind: 'recovery-made', rule: 'secondChange' })
  const codes = await hashCodes(origin, registry, seed)
  const now = registry.now()
  return withEvent(origin, registry, { kind: 'recovery_made', userId }, async (transaction) => {
    const account = await users.lockAccount(transaction, userId)
    if (account === undefined || account.user.secondStepAt === null) return undefined
    if (!(await sessions.lock(transaction, { id: session, userId }))) return undefined
    if ((await recovery.saltOf(transaction, userId)) !== former) return undefined
    await recovery.replace(transaction, userId, { ...codes, now })
    await registry.outbox.post(transaction, mail)
    return endWith(transaction, 'recovery_made', { userId, now })
  })
}

/** Whether the codes of this seed are the user's, and the first is unused. */
export async function hasCodesOf(
  origin: Origin,
  { database, passwords }: Registry,
  userId: string,
  seed: string,
): Promise<boolean> {
  const [code = ''] = codesOf(seed)
  const salt = await recovery.saltOf(database.main, userId)
  if (salt === undefined) return false
  const tag = await passwords.tag(code, salt, origin.visit?.throwIfDisconnected)
  return recovery.isLeft(database.main, userId, tag)
}

async function hashCodes(
  origin: Origin,
  { passwords }: Registry,
  seed: string,
): Promise<recovery.RecoverySet> {
  const salt = passwords.newSalt()
  const tag = (code: string) => passwords.tag(code, salt, origin.visit?.throwIfDisconnected)
  return { salt, tags: await Promise.all(codesOf(seed).map(tag)) }
}
