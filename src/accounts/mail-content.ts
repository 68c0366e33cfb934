import { type Facts, LostMail, type Outbox, type Prepared, UnreadableMail } from '../mail/outbox.js'
import type { MailContent } from '../mail/template.js'
import type { Codes } from '../secrets/code-mac.js'
import { hashOf, newToken } from '../secrets/token.js'
import type { StoredMail } from '../tables/mails.js'
import * as mails from '../tables/mails.js'
import type { Database } from '../tables/schema.js'
import * as tokens from '../tables/tokens.js'
import * as users from '../tables/users.js'
import type { Url } from '../web/routes.js'
import { CODE_LIFE, newCode } from './codes.js'
import { emailKeyOf } from './fields.js'
import { LimitReached } from './limit-reached.js'
import type { Counted, Limits } from './limits.js'
import { KINDS, type Kind, type MailKinds } from './mail-kinds.js'
import { type Invited, notifiedAddress, type Recipient } from './recipients.js'

export interface ContentOptions {
  database: Database
  outbox: Outbox
  limits: Limits
  codes: Codes
  mailKinds: MailKinds
  url: Url
  offers: (name: string) => boolean
  now: () => number
}

export async function recipientOf(
  { database, outbox }: Pick<ContentOptions, 'database' | 'outbox'>,
  mail: StoredMail,
): Promise<string | undefined> {
  const prepared = outbox.preparedOf(mail)
  if (prepared !== undefined) return prepared.to
  const facts = outbox.factsOf(mail)
  if (facts === undefined) return undefined
  const { recipient = notifiedAddress } = new Map(Object.entries(KINDS)).get(mail.kind) ?? {}
  return (await recipient(database.main, facts, mail.userId))?.to
}

export interface PreparedMail {
  kind: string
  prepared: Prepared
  facts: Facts
}

function kindOf({ mailKinds }: Pick<ContentOptions, 'mailKinds'>, name: string): Kind {
  const kind = mailKinds[name]
  if (kind === undefined) throw new UnreadableMail()
  return kind
}

export async function contentOf(options: ContentOptions, mail: StoredMail): Promise<MailContent | undefined> {
  const facts = options.outbox.factsOf(mail)
  if (facts === undefined) throw new UnreadableMail()
  const prepare = mail.prepared === '' ? prepareFirst : prepareAgain
  const prepared = await prepare(options, mail, facts, mail.kind)
  return prepared && contentFor(options, prepared)
}

export function contentFor(
  options: Pick<ContentOptions, 'url' | 'offers' | 'mailKinds'>,
  { kind, prepared, facts }: PreparedMail,
): MailContent {
  const { to, name, code = '', language } = prepared
  const { life = 0 } = kindOf(options, kind).token ?? {}
  const values = { ...facts, name, code, life, codeLife: CODE_LIFE }
  return { kind, to, language, path: pathOf(options, kindOf(options, kind), prepared), values }
}

function pathOf(
  { url, offers }: Pick<ContentOptions, 'url' | 'offers'>,
  { page, token }: Kind,
  prepared: Prepared,
): string {
  return token !== undefined || offers(page) ? url(page, prepared.token) : url('login')
}

async function prepareAgain(
  options: ContentOptions,
  mail: StoredMail,
  facts: Facts,
  requestedKind: string,
): Promise<PreparedMail> {
  const prepared = options.outbox.preparedOf(mail)
  if (prepared === undefined) throw new UnreadableMail()
  const { kind = requestedKind } = prepared
  const { token } = kindOf(options, kind)
  if (token !== undefined && prepared.token !== undefined) {
    const hash = hashOf(prepared.token)
    await options.database.write((transaction) => tokens.extend(transaction, hash, endsOf(options, token)))
  }
  return { kind, prepared, facts }
}

async function prepareFirst(
  options: ContentOptions,
  mail: StoredMail,
  facts: Facts,
  requestedKind: string,
): Promise<PreparedMail | undefined> {
  const recipient = await kindOf(options, requestedKind).recipient(options.database.main, facts, mail.userId)
  if (recipient === undefined) return undefined
  if (recipient.account === undefined) return await prepareInvitation(options, mail, facts, recipient)
  const { kind = requestedKind, account } = recipient
  // Limits are against strangers, so a reset that Gatehouse started does not count.
  const isStartedByGatehouse = requestedKind === 'password-reset' && mail.userId !== null
  const about = kindOf(options, kind)
  const counted = isStartedByGatehouse ? [] : countedWhenSent(about, `${kind} ${account.user.id}`)
  if (!(await isWithinLimits(options, counted))) return undefined
  const prepared = preparedFor(about, facts, recipient)
  const found = { kind, facts, prepared: { ...prepared, ...(kind !== requestedKind && { kind }) } }
  try {
    await store(options, mail, account.user.id, found)
  } catch (error) {
    // Otherwise each retry would count again until the limit is reached.
    await options.limits.giveBack(counted).catch(() => {})
    throw error
  }
  return found
}

async function prepareInvitation(
  { outbox, database }: ContentOptions,
  mail: StoredMail,
  facts: Facts,
  { to, token }: Invited,
): Promise<PreparedMail> {
  const { language } = facts
  const prepared = { to, token, name: '', ...(typeof language === 'string' && { language }) }
  const encrypted = { userId: null, prepared: outbox.encryptPrepared(mail.id, prepared) }
  if (!(await mails.prepare(database.main, mail, encrypted))) throw new LostMail()
  return { kind: mail.kind, prepared, facts }
}

function preparedFor(kind: Kind, facts: Facts, { account, to }: Recipient): Prepared {
  const language = languageFor(kind, facts, account)
  const { token } = kind
  return {
    to,
    name: isConfirmed(kind, account, to) ? account.user.name : '',
    ...(language !== undefined && { language }),
    ...(token !== undefined && { token: newToken() }),
    ...(token?.hasCode && askedIn(facts) !== undefined && { code: newCode() }),
  }
}

// A username like `win.example` could be an advertisement: it must not reach a stranger's address.
function isConfirmed({ toFormer }: Kind, { user }: users.Account, to: string): boolean {
  const { email, emailConfirmedAt } = user
  return toFormer ?? (email !== null && emailConfirmedAt !== null && emailKeyOf(to) === emailKeyOf(email))
}

function countedWhenSent({ limit, pause }: Kind, of: string): Counted[] {
  return [
    ...(limit === undefined ? [] : [{ rule: limit, of }]),
    ...(pause === undefined ? [] : [{ rule: pause, of }]),
  ]
}

// A thief must not choose the language of a notice to the owner.
function languageFor({ isAsked }: Kind, { language }: Facts, account: users.Account): string | undefined {
  const ofRequest = typeof language === 'string' ? language : undefined
  const ofOwner = account.language ?? undefined
  return isAsked ? (ofRequest ?? ofOwner) : (ofOwner ?? ofRequest)
}

async function store(
  options: ContentOptions,
  mail: StoredMail,
  userId: string,
  { kind, prepared, facts }: PreparedMail,
): Promise<void> {
  const { token } = kindOf(options, kind)
  const { to, token: secret, code } = prepared
  const encrypted = options.outbox.encryptPrepared(mail.id, prepared)
  await options.database.write(async (transaction) => {
    await users.lock(transaction, userId)
    if (!(await mails.prepare(transaction, mail, { userId, prepared: encrypted }))) throw new LostMail()
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
          : options.codes.mac(code, { userId, purpose, browser: askedIn(facts) ?? '' }),
      now: options.now(),
      ...endsOf(options, token),
    })
  })
}

async function isWithinLimits(options: ContentOptions, counted: readonly Counted[]): Promise<boolean> {
  try {
    if (counted.length > 0) await options.limits.take(counted)
    return true
  } catch (error) {
    if (error instanceof LimitReached) return false
    throw error
  }
}

function askedIn({ askedIn: browser }: Facts): string | undefined {
  return typeof browser === 'string' ? browser : undefined
}

function endsOf({ now }: ContentOptions, { life }: NonNullable<Kind['token']>) {
  return { expiresAt: now() + life, codeExpiresAt: now() + CODE_LIFE }
}
