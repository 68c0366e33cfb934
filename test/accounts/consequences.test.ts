import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Change, endWith } from '../../src/accounts/consequences.js'
import * as mails from '../../src/tables/mails.js'
import * as passkeys from '../../src/tables/passkeys.js'
import { type Database, openDatabase } from '../../src/tables/schema.js'
import * as tokens from '../../src/tables/tokens.js'
import * as users from '../../src/tables/users.js'
import { migratedDatabase } from '../support/helpers.js'
import { createUser, NOW, newSession, newUser, openSession } from '../support/rows.js'

const PURPOSES = [
  'email-confirm',
  'password-reset',
  'email-change',
  'email-undo',
  'account-reopen',
  'second-lost',
] as const
const KINDS = [
  'email-confirm',
  'password-reset',
  'email-change',
  'account-closed',
  'password-changed',
  'second-lost',
  'second-lost-soon',
] as const
const USER = 'id of anna'

/** What an account still has after a change. */
interface Left {
  sessions: number
  links: readonly tokens.Purpose[]
  mails: readonly string[]
  isKnown: boolean
  wantsAddress: boolean
  /** Whether two-step verification still ends without a code. */
  endsSecond: boolean
  passkeys: number
}

const WAYS_IN = ['email-confirm', 'password-reset', 'email-change'] as const

const LOST = ['second-lost', 'second-lost-soon'] as const

/** The same without the request to turn two-step verification off by email. */
function leftWithoutLost({ without = [], ...others }: Parameters<typeof left>[0] = {}): Left {
  return left({ ...others, endsSecond: false, without: [...without, ...LOST] })
}

function left(changes: Partial<Left> & { without?: readonly string[] } = {}): Left {
  const { without = [], ...others } = changes
  const isLeft = (name: string) => !without.includes(name)
  return {
    sessions: 2,
    links: PURPOSES.filter(isLeft),
    mails: KINDS.filter(isLeft),
    isKnown: true,
    wantsAddress: true,
    endsSecond: true,
    passkeys: 1,
    ...others,
  }
}

const PASSKEY: passkeys.Passkey = {
  id: 'passkey',
  userId: USER,
  publicKey: 'key',
  counter: 0,
  isBackupEligible: true,
  isBackedUp: true,
  wasVerified: true,
  transports: [],
  aaguid: '',
  rpId: 'example.com',
  name: '',
  createdAt: NOW,
  usedAt: null,
}

const LOGGED_OUT = { sessions: 0, isKnown: false }
const AFTER: Record<Change, Left> = {
  password_changed: leftWithoutLost({
    ...LOGGED_OUT,
    wantsAddress: false,
    without: ['password-reset', 'email-change'],
  }),
  password_removed: leftWithoutLost({
    ...LOGGED_OUT,
    wantsAddress: false,
    without: ['password-reset', 'email-change'],
  }),
  password_reset: leftWithoutLost({ ...LOGGED_OUT, wantsAddress: false, without: WAYS_IN }),
  email_asked: left({ without: ['email-change'] }),
  email_canceled: left({ wantsAddress: false, without: ['email-change'] }),
  email_corrected: left({ without: ['email-confirm', 'password-reset'] }),
  email_changed: leftWithoutLost({ wantsAddress: false, without: ['email-confirm', 'password-reset'] }),
  email_set: leftWithoutLost({ wantsAddress: false, without: WAYS_IN }),
  email_restored: leftWithoutLost({
    ...LOGGED_OUT,
    passkeys: 0,
    wantsAddress: false,
    without: [...WAYS_IN, 'account-reopen', 'account-closed'],
  }),
  devices_revoked: left(LOGGED_OUT),
  sessions_ended: left(LOGGED_OUT),
  account_closed: leftWithoutLost({ ...LOGGED_OUT, wantsAddress: false, without: WAYS_IN }),
  account_disabled: leftWithoutLost({ ...LOGGED_OUT, mails: ['account-closed', 'password-changed'] }),
  account_enabled: left({ sessions: 0 }),
  second_on: left(LOGGED_OUT),
  second_off: leftWithoutLost(LOGGED_OUT),
  app_added: leftWithoutLost(LOGGED_OUT),
  app_replaced: leftWithoutLost(LOGGED_OUT),
  recovery_made: leftWithoutLost({ isKnown: false }),
  second_lost_asked: left({ without: ['second-lost'] }),
  second_lost_canceled: leftWithoutLost(),
  second_lost_done: leftWithoutLost(LOGGED_OUT),
  passkey_removed: left(LOGGED_OUT),
}

const test = suite<{ database: Database }>('a change')

test.before.each(async (context) => {
  context.database = await openDatabase(await migratedDatabase())
  const { database } = context
  await createUser(database, newUser('anna'))
  await database.write(async (transaction) => {
    await users.startSecondStep(transaction, USER, NOW)
    await passkeys.add(transaction, PASSKEY)
    await users.setSecondEnd(transaction, USER, { endsAt: NOW + 1_000, lapsedAt: 0, now: NOW })
    await users.setNextEmail(transaction, USER, { nextEmail: 'next@example.com', now: NOW })
    for (const purpose of PURPOSES)
      await tokens.insert(transaction, {
        hash: purpose,
        userId: USER,
        purpose,
        email: 'anna@example.com',
        emailKey: 'anna@example.com',
        codeMac: `mac of ${purpose}`,
        codeExpiresAt: NOW + 100,
        now: NOW,
        expiresAt: NOW + 1_000,
      })
    await mails.insert(
      transaction,
      KINDS.map((kind) => ({ id: kind, kind, userId: USER, facts: 'facts', dueAt: NOW })),
    )
  })
  for (const name of ['one', 'two'])
    await openSession(database, newSession(name, USER, { expiresAt: NOW + 1_000 }))
})

test.after.each(({ database }) => database.close())

for (const [change, expected] of Object.entries(AFTER) as [Change, Left][]) {
  test(`${change} ends the right sessions, links and emails, and no others`, async ({ database }) => {
    const before = (await users.byId(database.main, USER))?.deviceStamp
    await database.write((transaction) => endWith(transaction, change, { userId: USER, now: NOW }))
    const account = await users.byId(database.main, USER)
    const stored = await users.stored(database.main, USER)
    const links = await tokens.ofUser(database.main, USER)
    const waiting = await mails.ofUser(database.main, USER)
    const sessions = await database.main
      .selectFrom('sessions')
      .select('id')
      .where('expires_at', '>', NOW)
      .execute()
    assert.equal(
      {
        sessions: sessions.length,
        links: PURPOSES.filter((purpose) =>
          links.some((token) => token.purpose === purpose && token.usedAt === null),
        ),
        mails: KINDS.filter((kind) => waiting.some((mail) => mail.kind === kind)),
        isKnown: account?.deviceStamp === before,
        wantsAddress: stored?.nextEmail !== null,
        endsSecond: stored?.secondEndsAt !== null,
        passkeys: (await passkeys.ofUser(database.main, USER)).length,
      },
      expected,
    )
  })
}

test.run()
