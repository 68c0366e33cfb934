import { randomUUID } from 'node:crypto'
import { type ForeignHash, foreignText, isWeak } from '../secrets/foreign-hash.js'
import * as events from '../tables/events.js'
import * as imports from '../tables/imports.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { numbered as numberedEvent } from './events.js'
import * as fields from './fields.js'
import { eventOf } from './history.js'
import { importedName, numbered } from './imported-name.js'
import type { Origin } from './origin.js'
import { type Applicant, addressOf, hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { canTurnOn, turnOnImported } from './two-step.js'

/** Someone with an account in another system. */
export interface Newcomer {
  /** Unique in its source. */
  sourceId: string
  name: string
  /** It need not be unique there, so a number makes it so here. */
  isDisplayName?: boolean
  /** '' if there is none. */
  email: string
  /** Undefined if no password opens the account; the hash of this system, or of another. */
  hash: ForeignHash | undefined
  /** Of an authenticator app, if the account needs its codes. */
  appSecret: string | undefined
  confirmedAt: number | null
  createdAt: number | undefined
  language: string | undefined
  isDisabled: boolean
}

export interface ImportOptions {
  source: string
  /** Hash all digests once more. Weak ones always are. */
  isWrapping?: boolean
  /** Undo everything at the end. */
  isTrial?: boolean
}

export type Imported =
  | { outcome: 'imported'; name: string; former?: string }
  | { outcome: 'before' }
  | { outcome: 'refused'; code: string }

/** All in one transaction. Those that were imported before are left alone. Results are in the same order. */
export async function importAll(
  origin: Origin,
  registry: Registry,
  newcomers: readonly Newcomer[],
  options: ImportOptions,
): Promise<Imported[]> {
  const ids = newcomers.map(({ sourceId }) => importId(options, sourceId))
  const known = await imports.knownAmong(registry.database.main, ids)
  const prepared = await Promise.all(
    newcomers.map(async (newcomer, index): Promise<Prepared | Imported> => {
      const id = ids[index] ?? ''
      if (known.has(id)) return { outcome: 'before' }
      if (ids.indexOf(id) < index) return { outcome: 'refused', code: 'id_twice' }
      return prepare(registry, newcomer, options)
    }),
  )
  return options.isTrial === true
    ? undone((transaction) => storeAll(transaction, origin, registry, prepared), registry)
    : stored(origin, registry, prepared)
}

function importId({ source }: ImportOptions, sourceId: string): string {
  return `${source}:${sourceId}`
}

interface Prepared {
  importId: string
  newcomer: Newcomer
  applicant: Applicant
  passwordHash: string
}

async function prepare(
  registry: Registry,
  newcomer: Newcomer,
  options: ImportOptions,
): Promise<Prepared | Imported> {
  const id = randomUUID()
  const name = importedName(newcomer.name)
  const address = addressOf(registry, id, newcomer.email)
  const { email } = address
  const ofEmail = email === null ? [] : fields.check(fields.email, email)
  const [broken] = [...ofEmail, ...(await hookErrors(registry, { name, ...(email !== null && { email }) }))]
  if (broken !== undefined) return { outcome: 'refused', code: broken.code }
  const { appSecret, confirmedAt: emailConfirmedAt } = newcomer
  if (appSecret !== undefined && !canTurnOn(registry, { email, emailConfirmedAt }))
    return { outcome: 'refused', code: 'app_unconfirmed' }
  return {
    importId: importId(options, newcomer.sourceId),
    newcomer,
    applicant: { id, ...namedBy(name), ...address },
    passwordHash: await storedHash(registry, newcomer.hash, options),
  }
}

function namedBy(name: string) {
  return { name, ...fields.claimsOf(name) }
}

async function storedHash(
  { passwords }: Registry,
  hash: ForeignHash | undefined,
  { isWrapping = false, isTrial = false }: ImportOptions,
): Promise<string> {
  if (hash === undefined) return ''
  const { digest, ...rest } = hash
  if (digest === undefined || isTrial || !(isWrapping || isWeak(hash))) return foreignText(hash)
  return foreignText({ ...rest, wrapped: await passwords.hash(digest) })
}

async function stored(
  origin: Origin,
  registry: Registry,
  prepared: readonly (Prepared | Imported)[],
): Promise<Imported[]> {
  const { outcomes, happened } = await registry.database.write((transaction) =>
    storeAll(transaction, origin, registry, prepared),
  )
  registry.events.report(happened)
  return outcomes
}

interface Stored {
  outcomes: Imported[]
  happened: events.StoredEvent[]
}

async function storeAll(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  prepared: readonly (Prepared | Imported)[],
): Promise<Stored> {
  const outcomes: Imported[] = []
  const happened: events.StoredEvent[] = []
  const arrived: imports.NewImport[] = []
  for (const one of prepared) {
    const outcome = 'outcome' in one ? one : await storeOne(transaction, registry, one)
    outcomes.push(outcome)
    if ('outcome' in one || outcome.outcome !== 'imported') continue
    const about = outcome.former === undefined ? null : `${outcome.former} → ${outcome.name}`
    const userId = one.applicant.id
    const hasApp = one.newcomer.appSecret !== undefined
    for (const happening of [
      { kind: 'account_imported', userId, about } as const,
      ...(hasApp ? [{ kind: 'second_on', userId } as const] : []),
    ])
      happened.push(numberedEvent(eventOf(origin, registry, happening)))
    arrived.push({ id: one.importId, userId, now: registry.now() })
  }
  await events.insertAll(transaction, happened)
  await imports.insertAll(transaction, arrived)
  return { outcomes, happened }
}

async function storeOne(transaction: Db, registry: Registry, prepared: Prepared): Promise<Imported> {
  const { newcomer } = prepared
  const now = registry.now()
  const applicant = await freeApplicant(transaction, prepared, now)
  if (typeof applicant === 'string') return { outcome: 'refused', code: applicant }
  const isClaimed = newcomer.confirmedAt !== null || !registry.rules.privateEmails
  const user = await users.create(transaction, {
    ...applicant,
    emailKey: isClaimed ? applicant.emailKey : users.unclaimedKey(applicant.id),
    passwordHash: prepared.passwordHash,
    signupForm: '',
    confirmBy: null,
    createdAt: newcomer.createdAt ?? now,
    ...(newcomer.language !== undefined && { language: newcomer.language }),
  })
  if (user === undefined) return { outcome: 'refused', code: fields.USERNAME_TAKEN.code }
  await carryOver(transaction, newcomer, { ...applicant, now })
  const { appSecret: secret } = newcomer
  if (secret !== undefined) await turnOnImported(transaction, registry, { userId: applicant.id, secret, now })
  const { name } = applicant
  return { outcome: 'imported', name, ...(name !== newcomer.name && { former: newcomer.name }) }
}

async function freeApplicant(
  transaction: Db,
  { applicant, newcomer }: Prepared,
  now: number,
): Promise<Applicant | string> {
  const taken = await users.taken(transaction, applicant, now)
  if (taken.email) return fields.EMAIL_TAKEN.code
  if (!taken.name) return applicant
  const isChosen = newcomer.isDisplayName !== true && applicant.name === fields.normalizeName(newcomer.name)
  const other = { ...applicant, ...namedBy(numbered(applicant.name)) }
  const isFree = !isChosen && !(await users.taken(transaction, other, now)).name
  return isFree ? other : fields.USERNAME_TAKEN.code
}

async function carryOver(
  transaction: Db,
  { confirmedAt, isDisabled }: Newcomer,
  { id, email, emailKey, now }: Applicant & { now: number },
): Promise<void> {
  if (email !== null && confirmedAt !== null)
    await users.confirmEmail(transaction, id, { email, emailKey, now: confirmedAt })
  if (isDisabled) await users.disable(transaction, id, now)
}

class Trial extends Error {
  readonly outcomes: Imported[]

  constructor(outcomes: Imported[]) {
    super('a trial')
    this.outcomes = outcomes
  }
}

async function undone(
  work: (transaction: Db) => Promise<Stored>,
  { database }: Registry,
): Promise<Imported[]> {
  try {
    return await database.write(async (transaction) => {
      throw new Trial((await work(transaction)).outcomes)
    })
  } catch (error) {
    if (error instanceof Trial) return error.outcomes
    throw error
  }
}
