import { DAY, HOUR } from '../base/durations.js'
import type { Facts, MailKind, Prepared } from '../mail/outbox.js'
import { hashOf, newToken } from '../secrets/token.js'
import type { StoredMail } from '../tables/mails.js'
import * as mails from '../tables/mails.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Gatehouse } from '../visitor/gatehouse.js'
import { CODE_LIFE, newCode } from './codes.js'
import { emailKeyOf, loginKeyOf } from './fields.js'
import { type Counted, LimitReached } from './limits.js'

/** What is to be known of a kind of mail before one of it can be sent. */
interface Kind {
  /** Whom it goes to; the worker asks, so that an answer takes as long whether there is somebody or not. */
  recipient(gatehouse: Registry, facts: Facts, userId: string | null): Promise<Recipient | undefined>
  /** The page that its link opens, by name; with a token in its path if the mail has one. */
  page: string
  /** The token in its link, of the same name as the mail or this one; with a code to be typed if a browser has asked for it. */
  token?: { purpose: tokens.Purpose; life: number; hasCode?: true }
  /** Who asks for it reads it, too: it is written in the language in which they asked. All others are in the owner's. */
  isAsked?: true
  /** It goes to an address that was confirmed and is no longer the account's. */
  toFormer?: true
  /** The limit that counts it for the account when it is sent: strangers may cause it, by a name or a login. */
  limit?: 'mailAccount' | 'mailFailures'
  /** Not again within the pause, by whatever name it was asked for. */
  pause?: 'mailPause'
}

/** Where it is asked who somebody is. */
type Registry = Pick<Gatehouse, 'database'>

interface Recipient {
  account: users.Account
  to: string
  /** It is another mail after all. */
  kind?: MailKind
}

export const CONFIRM_LIFE = DAY
export const RESET_LIFE = HOUR
export const CHANGE_LIFE = DAY
export const UNDO_LIFE = 7 * DAY
export const REOPEN_LIFE = 14 * DAY

const KINDS: Record<MailKind, Kind> = {
  'email-confirm': {
    recipient: unconfirmed,
    page: 'email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-confirm', life: CONFIRM_LIFE, hasCode: true },
  },
  'email-taken': { recipient: owner, page: 'login', limit: 'mailAccount', pause: 'mailPause' },
  'password-reset': {
    recipient: asked,
    page: 'password/reset/link',
    isAsked: true,
    token: { purpose: 'password-reset', life: RESET_LIFE, hasCode: true },
    limit: 'mailAccount',
    pause: 'mailPause',
  },
  'password-changed': { recipient: told, page: 'password/forgot' },
  'email-change': {
    recipient: newAddress,
    page: 'account/email/confirm/link',
    isAsked: true,
    token: { purpose: 'email-change', life: CHANGE_LIFE },
  },
  'email-changed': {
    recipient: told,
    page: 'account/email/undo',
    toFormer: true,
    token: { purpose: 'email-undo', life: UNDO_LIFE },
  },
  'email-corrected': { recipient: formerly, page: 'login', isAsked: true, limit: 'mailAccount' },
  'email-restored': { recipient: told, page: 'account/activity' },
  'email-undone': { recipient: told, page: 'login' },
  'name-changed': { recipient: told, page: 'password/forgot' },
  'login-new-device': { recipient: told, page: 'account/devices', limit: 'mailAccount' },
  'session-jumped': { recipient: told, page: 'account/devices', limit: 'mailAccount' },
  'login-failures': { recipient: told, page: 'account/activity', limit: 'mailFailures' },
  'account-closed': {
    recipient: told,
    page: 'account/close/undo',
    token: { purpose: 'account-reopen', life: REOPEN_LIFE },
    // Not where it is closed: of a button pressed twenty times at once nobody should be told that it is too often.
    limit: 'mailAccount',
  },
}

/** Notices go to the address that the account had when it happened. */
async function told(
  { database }: Registry,
  { to }: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(database.main, userId)
  return account && { account, to: String(to) }
}

/** Somebody else's address, which was typed by mistake, never was the account's: they are not told again. */
async function formerly(
  gatehouse: Registry,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await told(gatehouse, facts, userId)
  return found && (await ownerOf(gatehouse, found.to, found.account)) === undefined ? found : undefined
}

async function owner(
  { database }: Registry,
  _: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const account = userId === null ? undefined : await users.byId(database.main, userId)
  return account && { account, to: account.user.email }
}

async function unconfirmed(
  gatehouse: Registry,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await owner(gatehouse, facts, userId)
  if (found === undefined || found.account.user.emailConfirmedAt !== null) return undefined
  if (isDisabled(found.account)) return undefined
  return (await ownerOf(gatehouse, found.to, found.account)) ?? found
}

/** It goes to the stored address, never to what was typed. */
async function asked(
  gatehouse: Registry,
  facts: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const { main } = gatehouse.database
  const typed = loginKeyOf(String(facts.username ?? ''))
  const account = await (userId === null ? byTyped(gatehouse, typed) : users.byId(main, userId))
  if (account === undefined || isDisabled(account)) return undefined
  const { email } = account.user
  // With private addresses an account that is not confirmed may only say that the address is its own.
  const isForeign =
    account.user.emailConfirmedAt === null && (await ownerOf(gatehouse, email, account)) !== undefined
  return isForeign ? undefined : { account, to: email }
}

/**
 * With private addresses one that is not confirmed is nobody's yet, and by it nobody logs in. But whoever reads its mails may
 * have a new password for the account that was last made with it, which confirms it, too.
 */
async function byTyped({ database: { main } }: Registry, typed: string): Promise<users.Account | undefined> {
  const account = await users.byLogin(main, typed)
  if (account !== undefined || !typed.includes('@')) return account
  const userId = await tokens.lastUserOf(main, typed, 'email-confirm')
  const last = userId === undefined ? undefined : await users.byId(main, userId)
  const isWaiting = last?.user.emailConfirmedAt === null && emailKeyOf(last.user.email) === typed
  return isWaiting ? last : undefined
}

async function newAddress(
  gatehouse: Registry,
  { email }: Facts,
  userId: string | null,
): Promise<Recipient | undefined> {
  const found = await owner(gatehouse, {}, userId)
  const to = String(email)
  if (found === undefined || found.account.user.nextEmail !== to) return undefined
  if (isDisabled(found.account)) return undefined
  return (await ownerOf(gatehouse, to, found.account)) ?? { ...found, to }
}

// No mail brings them a link that would open nothing; what has happened to the account they are told all the same.
function isDisabled({ disabledAt }: users.Account): boolean {
  return disabledAt !== null
}

/** Somebody else has the address: it is told to them, and not to who has typed it. */
async function ownerOf(
  { database }: Registry,
  email: string,
  { user }: users.Account,
): Promise<Recipient | undefined> {
  const account = await users.byEmailKey(database.main, emailKeyOf(email))
  if (account === undefined || account.user.id === user.id) return undefined
  return { account, to: account.user.email, kind: 'email-taken' }
}

/** To whom a mail goes, or would; undefined if nobody is to get it any more, or its key is gone. */
export async function addresseeOf(
  gatehouse: Registry & Pick<Gatehouse, 'outbox'>,
  mail: StoredMail,
): Promise<string | undefined> {
  const prepared = gatehouse.outbox.preparedOf(mail)
  if (prepared !== undefined) return prepared.to
  const facts = gatehouse.outbox.factsOf(mail)
  if (facts === undefined || !isKind(mail.kind)) return undefined
  return (await KINDS[mail.kind].recipient(gatehouse, facts, mail.userId))?.to
}

/** What a mail is, once it is known to whom it goes. */
export interface Letter {
  kind: MailKind
  prepared: Prepared
  facts: Facts
}

/**
 * Finds out at the first try to whom a mail goes, and makes its token; later ones find the same again, and count its
 * lifetimes anew. Undefined if there is nobody, or they have had enough of it.
 */
export async function letterOf(gatehouse: Gatehouse, mail: StoredMail): Promise<Letter | undefined> {
  const { outbox } = gatehouse
  const facts = outbox.factsOf(mail)
  if (facts === undefined || !isKind(mail.kind)) throw new UnreadableMail()
  if (mail.prepared === '') return prepare(gatehouse, mail, facts, mail.kind)
  const prepared = outbox.preparedOf(mail)
  if (prepared === undefined) throw new UnreadableMail()
  const { kind = mail.kind } = prepared
  const { token } = KINDS[kind]
  if (token !== undefined && prepared.token !== undefined) {
    const hash = hashOf(prepared.token)
    await gatehouse.database.write((transaction) =>
      tokens.extend(transaction, hash, endsOf(gatehouse, token)),
    )
  }
  return { kind, prepared, facts }
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

function isKind(kind: string): kind is MailKind {
  return kind in KINDS
}

async function prepare(
  gatehouse: Gatehouse,
  mail: StoredMail,
  facts: Facts,
  asked: MailKind,
): Promise<Letter | undefined> {
  const recipient = await KINDS[asked].recipient(gatehouse, facts, mail.userId)
  if (recipient === undefined) return undefined
  const { kind = asked, account, to } = recipient
  const { token } = KINDS[kind]
  // A reset that we ourselves have asked for is no stranger's.
  const isOurs = asked === 'password-reset' && mail.userId !== null
  const counted = isOurs ? [] : countedWhenSent(kind, account.user)
  if (!(await isWelcome(gatehouse, counted))) return undefined
  const language = languageFor(kind, facts, account)
  const prepared: Prepared = {
    to,
    name: isConfirmed(kind, account, to) ? account.user.name : '',
    ...(language !== undefined && { language }),
    ...(kind !== asked && { kind }),
    ...(token !== undefined && { token: newToken() }),
    ...(token?.hasCode && askedIn(facts) !== undefined && { code: newCode() }),
  }
  try {
    await store(gatehouse, mail, account.user.id, { kind, prepared, facts })
  } catch (error) {
    // The next try counts again, and would find that its own failures are too many.
    await gatehouse.limits.giveBack(counted).catch(() => {})
    throw error
  }
  return { kind, prepared, facts }
}

// Mail programs make links of names like `win.example`: whoever signs up with a stranger's address must not write to them.
function isConfirmed(kind: MailKind, { user }: users.Account, to: string): boolean {
  return KINDS[kind].toFormer ?? (user.emailConfirmedAt !== null && emailKeyOf(to) === emailKeyOf(user.email))
}

function countedWhenSent(kind: MailKind, { id }: users.User): Counted[] {
  const { limit, pause } = KINDS[kind]
  const of = `${kind} ${id}`
  return [
    ...(limit === undefined ? [] : [{ rule: limit, of }]),
    ...(pause === undefined ? [] : [{ rule: pause, of }]),
  ]
}

// A thief's language must not keep owners from reading what has happened to their account.
function languageFor(kind: MailKind, { language }: Facts, account: users.Account): string | undefined {
  const ofRequest = typeof language === 'string' ? language : undefined
  const ofOwner = account.language ?? undefined
  return KINDS[kind].isAsked ? (ofRequest ?? ofOwner) : (ofOwner ?? ofRequest)
}

/** Writes what the mail turned out to be, and its token. Throws `LostMail`. */
async function store(
  gatehouse: Gatehouse,
  mail: StoredMail,
  userId: string,
  { kind, prepared, facts }: Letter,
): Promise<void> {
  const { token } = KINDS[kind]
  const { to, token: secret, code } = prepared
  const sealed = gatehouse.outbox.sealPrepared(mail.id, prepared)
  await gatehouse.database.write(async (transaction) => {
    if (!(await mails.prepare(transaction, mail, { userId, prepared: sealed }))) throw new LostMail()
    if (token === undefined || secret === undefined) return
    const { purpose } = token
    await tokens.insert(transaction, {
      hash: hashOf(secret),
      purpose,
      userId,
      email: to,
      emailKey: emailKeyOf(to),
      codeMac:
        code === undefined
          ? null
          : gatehouse.codes.mac(code, { userId, purpose, browser: askedIn(facts) ?? '' }),
      now: gatehouse.now(),
      ...endsOf(gatehouse, token),
    })
  })
}

async function isWelcome(gatehouse: Gatehouse, counted: readonly Counted[]): Promise<boolean> {
  try {
    if (counted.length > 0) await gatehouse.limits.take(counted)
    return true
  } catch (error) {
    if (error instanceof LimitReached) return false
    throw error
  }
}

// The maintainer's commands ask in no browser: there the link alone is the way.
function askedIn({ askedIn: browser }: Facts): string | undefined {
  return typeof browser === 'string' ? browser : undefined
}

function endsOf({ now }: Gatehouse, { life }: NonNullable<Kind['token']>) {
  return { expiresAt: now() + life, codeExpiresAt: now() + CODE_LIFE }
}

/** The path that the link of a mail opens. */
export function pathOf({ url, offers }: Gatehouse, { kind, prepared }: Letter): string {
  const { page, token } = KINDS[kind]
  // A notice leads somewhere, also where the page that would help is switched off.
  return token !== undefined || offers(page) ? url(page, prepared.token) : url('login')
}

/** How long the link and the code are good. */
export function lifetimesOf({ kind }: Letter): { life: number; codeLife: number } {
  const { life = 0 } = KINDS[kind].token ?? {}
  return { life, codeLife: CODE_LIFE }
}
