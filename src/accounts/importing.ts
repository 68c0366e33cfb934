import { randomUUID } from 'node:crypto'
import { type ForeignHash, foreignText, isWeak } from '../secrets/foreign-hash.js'
import * as events from '../tables/events.js'
import * as imports from '../tables/imports.js'
import type { Db } from '../tables/schema.js'
import * as users from '../tables/users.js'
import { withEventId as numberedEvent } from './events.js'
import * as fields from './fields.js'
import { eventOf } from './history.js'
import { importedName, withRandomNumber } from './imported-name.js'
import type { Origin } from './origin.js'
import { type Applicant, addressOf, hookErrors } from './registration.js'
import type { Registry } from './registry.js'
import { canTurnOn, turnOnImported } from './two-step.js'

export interface UserToImport {
  sourceId: string
  name: string
  /** Not unique in its source, so a number makes it unique. */
  isDisplayName?: boolean
  /** '' if there is none. */
  email: string
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
  /** Hash all digests once more, not only weak ones. */
  isWrapping?: boolean
  isDryRun?: boolean
}

export type Imported =
  | { outcome: 'imported'; name: string; former?: string }
  | { outcome: 'before' }
  | { outcome: 'refused'; code: string }

/** All in one transaction. Those that were imported before are left alone. Results are in the same order. */
export async function importAll(
  origin: Origin,
  registry: Registry,
  toImport: readonly UserToImport[],
  options: ImportOptions,
): Promise<Imported[]> {
  const ids = toImport.map(({ sourceId }) => importId(options, sourceId))
  const known = await imports.knownAmong(registry.database.main, ids)
  const prepared = await Promise.all(
    toImport.map(async (one, index): Promise<Prepared | Imported> => {
      const id = ids[index] ?? ''
      if (known.has(id)) return { outcome: 'before' }
      if (ids.indexOf(id) < index) return { outcome: 'refused', code: 'id_twice' }
      return prepare(registry, one, options)
    }),
  )
  return options.isDryRun === true
    ? withRollback((transaction) => storeAll(transaction, origin, registry, prepared), registry)
    : storeUsers(origin, registry, prepared)
}

function importId({ source }: ImportOptions, sourceId: string): string {
  return `${source}:${sourceId}`
}

interface Prepared {
  importId: string
  source: UserToImport
  applicant: Applicant
  passwordHash: string
}

async function prepare(
  registry: Registry,
  source: UserToImport,
  options: ImportOptions,
): Promise<Prepared | Imported> {
  const id = randomUUID()
  const name = importedName(source.name)
  const address = addressOf(registry, id, source.email)
  const { email } = address
  const ofEmail = email === null ? [] : fields.check(fields.email, email)
  const [broken] = [...ofEmail, ...(await hookErrors(registry, { name, ...(email !== null && { email }) }))]
  if (broken !== undefined) return { outcome: 'refused', code: broken.code }
  const { appSecret, confirmedAt: emailConfirmedAt } = source
  if (appSecret !== undefined && !canTurnOn(registry, { email, emailConfirmedAt }))
    return { outcome: 'refused', code: 'app_unconfirmed' }
  return {
    importId: importId(options, source.sourceId),
    source,
    applicant: { id, ...namedBy(name), ...address },
    passwordHash: await storedHash(registry, source.hash, options),
  }
}

function namedBy(name: string) {
  return { name, ...fields.claimsOf(name) }
}

async function storedHash(
  { passwords }: Registry,
  hash: ForeignHash | undefined,
  { isWrapping = false, isDryRun = false }: ImportOptions,
): Promise<string> {
  if (hash === undefined) return ''
  const { digest, ...rest } = hash
  if (digest === undefined || isDryRun || !(isWrapping || isWeak(hash))) return foreignText(hash)
  return foreignText({ ...rest, wrapped: await passwords.hash(digest) })
}

async function storeUsers(
  origin: Origin,
  registry: Registry,
  prepared: readonly (Prepared | Imported)[],
): Promise<Imported[]> {
  const { outcomes, newEvents } = await registry.database.write((transaction) =>
    storeAll(transaction, origin, registry, prepared),
  )
  registry.events.report(newEvents)
  return outcomes
}

interface Stored {
  outcomes: Imported[]
  newEvents: events.StoredEvent[]
}

async function storeAll(
  transaction: Db,
  origin: Origin,
  registry: Registry,
  prepared: readonly (Prepared | Imported)[],
): Promise<Stored> {
  const outcomes: Imported[] = []
  const newEvents: events.StoredEvent[] = []
  const arrived: imports.NewImport[] = []
  for (const one of prepared) {
    const outcome = 'outcome' in one ? one : await storeOne(transaction, registry, one)
    outcomes.push(outcome)
    if ('outcome' in one || outcome.outcome !== 'imported') continue
    const about = outcome.former === undefined ? null : `${outcome.former} → ${outcome.name}`
    const userId = one.applicant.id
    const hasApp = one.source.appSecret !== undefined
    for (const newEvent of [
      { kind: 'account_imported', userId, about } as const,
      ...(hasApp ? [{ kind: 'second_on', userId } as const] : []),
    ])
      newEvents.push(numberedEvent(eventOf(origin, registry, newEvent)))
    arrived.push({ id: one.importId, userId, now: registry.now() })
  }
  await events.insertAll(transaction, newEvents)
  await imports.insertAll(transaction, arrived)
  return { outcomes, newEvents }
}

async function storeOne(transaction: Db, registry: Registry, prepared: Prepared): Promise<Imported> {
  const { source } = prepared
  const now = registry.now()
  const applicant = await freeApplicant(transaction, prepared, now)
  if (typeof applicant === 'string') return { outcome: 'refused', code: applicant }
  const isClaimed = source.confirmedAt !== null || !registry.rules.privateEmails
  const user = await users.create(transaction, {
    ...applicant,
    emailKey: isClaimed ? applicant.emailKey : users.unclaimedKey(applicant.id),
    passwordHash: prepared.passwordHash,
    signupForm: '',
    confirmBy: null,
    createdAt: source.createdAt ?? now,
    ...(source.language !== undefined && { language: source.language }),
  })
  if (user === undefined) return { outcome: 'refused', code: fields.USERNAME_TAKEN.code }
  await carryOver(transaction, source, { ...applicant, now })
  const { appSecret: secret } = source
  if (secret !== undefined) await turnOnImported(transaction, registry, { userId: applicant.id, secret, now })
  const { name } = applicant
  return { outcome: 'imported', name, ...(name !== source.name && { former: source.name }) }
}

async function freeApplicant(
  transaction: Db,
  { applicant, source }: Prepared,
  now: number,
): Promise<Applicant | string> {
  const taken = await users.taken(transaction, applicant, now)
  if (taken.email) return fields.EMAIL_TAKEN.code
  if (!taken.name) return applicant
  const isChosen = source.isDisplayName !== true && applicant.name === fields.normalizeName(source.name)
  const other = { ...applicant, ...namedBy(withRandomNumber(applicant.name)) }
  const isFree = !isChosen && !(await users.taken(transaction, other, now)).name
  return isFree ? other : fields.USERNAME_TAKEN.code
}

async function carryOver(
  transaction: Db,
  { confirmedAt, isDisabled }: UserToImport,
  { id, email, emailKey, now }: Applicant & { now: number },
): Promise<void> {
  if (email !== null && confirmedAt !== null)
    await users.confirmEmail(transaction, id, { email, emailKey, now: confirmedAt })
  if (isDisabled) await users.disable(transaction, id, now)
}

class DryRun extends Error {
  readonly outcomes: Imported[]

  constructor(outcomes: Imported[]) {
    super('a dry run')
    this.outcomes = outcomes
  }
}

async function withRollback(
  work: (transaction: Db) => Promise<Stored>,
  { database }: Registry,
): Promise<Imported[]> {
  try {
    return await database.write(async (transaction) => {
      throw new DryRun((await work(transaction)).outcomes)
    })
  } catch (error) {
    if (error instanceof DryRun) return error.outcomes
    throw error
  }
}
