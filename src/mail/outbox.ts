import { randomBytes } from 'node:crypto'
import { createCipher } from '../secrets/cipher.js'
import type { Keyring } from '../secrets/keyring.js'
import * as mails from '../tables/mails.js'
import type { Db } from '../tables/schema.js'
import type { OutgoingMail } from './transport.js'

export type MailKind = OwnMailKind | keyof FeatureMails

// biome-ignore lint/suspicious/noEmptyInterface: features fill it.
export interface FeatureMails {}

export type OwnMailKind =
  | 'email-confirm'
  | 'email-taken'
  | 'password-reset'
  | 'password-changed'
  | 'password-removed'
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
  | 'second-on'
  | 'second-off'
  | 'app-added'
  | 'app-replaced'
  | 'recovery-made'
  | 'recovery-used'
  | 'second-failed'
  | 'second-lost'
  | 'second-lost-asked'
  | 'second-lost-soon'
  | 'second-lost-canceled'
  | 'second-lost-done'
  | 'passkey-added'
  | 'passkey-removed'
  | 'passkey-copied'
  | 'invitation'

/** `to` is null for an account without an email address, to which nothing is sent. */
export type Facts = Readonly<Record<string, string | number | null>>

export interface Draft {
  kind: MailKind
  userId?: string
  facts?: Facts
  /** Fingerprint of the form, used as the email's id: a form submitted twice sends one email. */
  form?: string
  dueAt?: number
  /** Resolves when it may be sent, so timing does not reveal whether an address has an account. */
  after?: Promise<void>
}

export interface Posted {
  id: string
  after: Promise<void> | undefined
}

export interface Prepared {
  to: string
  /** '' if `to` is not confirmed: text chosen by a visitor must not reach a stranger's address. */
  name: string
  language?: string
  kind?: string
  token?: string
  code?: string
}

export interface Outbox {
  isOn: boolean
  isCaught: boolean
  post(db: Db, draft: Draft): Promise<void>
  onPosted(listener: (posted: Posted) => void): void
  factsOf(mail: mails.StoredMail): Facts | undefined
  preparedOf(mail: mails.StoredMail): Prepared | undefined
  encryptPrepared(id: string, prepared: Prepared): string
  caughtOf(mail: mails.StoredMail): OutgoingMail | undefined
  encryptCaught(id: string, message: OutgoingMail): string
}

export class UnreadableMail extends Error {
  override readonly name = 'UnreadableMail'

  constructor() {
    super('Its encryption key is missing.')
  }
}

export class LostMail extends Error {
  override readonly name = 'LostMail'
}

let count = 0

function newId(): string {
  count = (count + 1) % 1e6
  const order = Date.now().toString(36).padStart(9, '0') + String(count).padStart(6, '0')
  return order + randomBytes(8).toString('hex')
}

export interface OutboxOptions {
  mode: 'sent' | 'caught' | 'off'
  keyring: Keyring
  now: () => number
}

export function createOutbox({ mode, keyring, now }: OutboxOptions): Outbox {
  const cipher = createCipher(keyring.cipherKeys('mail'))
  const listeners: ((posted: Posted) => void)[] = []
  const encrypt = (content: object, context: string) => cipher.encrypt(JSON.stringify(content), context)
  const decrypt = (encrypted: string, context: string) => {
    const text = encrypted === '' ? undefined : cipher.decrypt(encrypted, context)
    return text === undefined ? undefined : JSON.parse(text)
  }
  return {
    isOn: mode !== 'off',
    isCaught: mode === 'caught',
    async post(db, { kind, userId = null, facts = {}, form, dueAt = now(), after }) {
      if (mode === 'off' || facts.to === null) return
      const id = form ?? newId()
      await mails.insert(db, [{ id, kind, userId, facts: encrypt(facts, `facts of ${id}`), dueAt }])
      for (const listener of listeners) listener({ id, after })
    },
    onPosted: (listener) => void listeners.push(listener),
    factsOf: ({ id, facts }) => decrypt(facts, `facts of ${id}`),
    preparedOf: ({ id, prepared }) => decrypt(prepared, `prepared ${id}`),
    encryptPrepared: (id, prepared) => encrypt(prepared, `prepared ${id}`),
    caughtOf({ id, facts }) {
      const caught = decrypt(facts, `caught ${id}`)
      return caught && { ...caught, date: new Date(caught.date) }
    },
    encryptCaught: (id, message) => encrypt(message, `caught ${id}`),
  }
}
