import { randomBytes } from 'node:crypto'
import type { Keyring } from '../secrets/keyring.js'
import { createSeal } from '../secrets/seal.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import type { OutgoingMail } from './transport.js'

/** The mails there are, by the names of their templates. */
export type MailKind = OwnMailKind | keyof FeatureMails

/** Mails that features add, each for itself: `declare module '…/mail/outbox.js' { interface FeatureMails { … } }`. */
// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureMails {}

export type OwnMailKind =
  | 'email-confirm'
  | 'email-taken'
  | 'password-reset'
  | 'password-changed'
  | 'email-change'
  | 'email-changed'
  | 'email-corrected'
  | 'email-restored'
  | 'email-undone'
  | 'name-changed'
  | 'login-new-device'
  | 'session-jumped'
  | 'login-failures'
  | 'account-closed'

/** What a mail tells, beside whose it is. */
export type Facts = Readonly<Record<string, string | number>>

/** A mail to be written. */
export interface Draft {
  kind: MailKind
  /** Whose it is; without it the facts say by which name somebody was asked for. */
  userId?: string
  facts?: Facts
  /** The fingerprint of the form that asks for it: a second arrival of that asks for nothing more. */
  form?: string
  /** It is not looked at before; for mails of which not everybody may learn whether anybody gets them. */
  after?: Promise<void>
}

/** A mail that waits from now on. */
export interface Posted {
  id: string
  after: Promise<void> | undefined
}

/** What the first try has found out: to whom, and what is in the mail that nobody else may know. */
export interface Prepared {
  to: string
  /** The user's name; '' in a mail to an address that was not confirmed, which holds nothing that a visitor chose. */
  name: string
  /** In which it is written; without one, in the site's first. */
  language?: string
  /** What it turned out to be, if not what was asked for. */
  kind?: string
  token?: string
  code?: string
}

/** Where mails wait until they are sent. */
export interface Outbox {
  /** Whether mails are sent at all; if not, `post` does nothing. */
  isOn: boolean
  /** Whether they are caught and shown to the maintainer, instead of being sent. */
  isCaught: boolean
  /** Writes a mail with what it tells of: in that transaction, and sent once it is committed. */
  post(db: Db, draft: Draft): Promise<void>
  /** Called when something was posted, perhaps before it is committed. */
  onPosted(listener: (posted: Posted) => void): void
  /** What a stored mail tells; undefined if it was sealed with a key that is gone. */
  factsOf(mail: mails.StoredMail): Facts | undefined
  preparedOf(mail: mails.StoredMail): Prepared | undefined
  sealPrepared(id: string, prepared: Prepared): string
  /** Of a mail that was caught: the mail itself. */
  caughtOf(mail: mails.StoredMail): OutgoingMail | undefined
  sealCaught(id: string, message: OutgoingMail): string
}

/** The key with which it was sealed is gone. */
export class UnreadableMail extends Error {
  override readonly name = 'UnreadableMail'

  constructor() {
    super('It was sealed with a key that is not there any more.')
  }
}

/** Who held it for too long: somebody else has it by now. */
export class LostMail extends Error {
  override readonly name = 'LostMail'
}

let count = 0

// The time first, then a number that grows: mails of one moment are listed in the order in which they were written.
function newId(): string {
  count = (count + 1) % 1e6
  const place = Date.now().toString(36).padStart(9, '0') + String(count).padStart(6, '0')
  return place + randomBytes(8).toString('hex')
}

export interface OutboxOptions {
  mode: 'sent' | 'caught' | 'off'
  /** Seals what waits: a stolen database tells neither tokens nor addresses. */
  keyring: Keyring
  now: () => number
}

export function createOutbox({ mode, keyring, now }: OutboxOptions): Outbox {
  const seal = createSeal(keyring.sealKeys('mail'))
  const listeners: ((posted: Posted) => void)[] = []
  const close = (content: object, context: string) => seal.close(JSON.stringify(content), context)
  const open = (sealed: string, context: string) => {
    const text = sealed === '' ? undefined : seal.open(sealed, context)
    return text === undefined ? undefined : JSON.parse(text)
  }
  return {
    isOn: mode !== 'off',
    isCaught: mode === 'caught',
    async post(db, { kind, userId = null, facts = {}, form, after }) {
      if (mode === 'off') return
      const id = form ?? newId()
      await mails.insert(db, [{ id, kind, userId, facts: close(facts, `facts of ${id}`), now: now() }])
      for (const listener of listeners) listener({ id, after })
    },
    onPosted: (listener) => void listeners.push(listener),
    factsOf: ({ id, facts }) => open(facts, `facts of ${id}`),
    preparedOf: ({ id, prepared }) => open(prepared, `prepared ${id}`),
    sealPrepared: (id, prepared) => close(prepared, `prepared ${id}`),
    caughtOf({ id, facts }) {
      const caught = open(facts, `caught ${id}`)
      return caught && { ...caught, date: new Date(caught.date) }
    },
    sealCaught: (id, message) => close(message, `caught ${id}`),
  }
}
