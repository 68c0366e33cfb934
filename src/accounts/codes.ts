import { randomInt } from 'node:crypto'
import { MINUTE } from '../base/durations.js'
import { isOverlong } from '../base/normal-form.js'
import type { CodeOwner } from '../secrets/code-mac.js'
import * as tokens from '../tables/tokens.js'
import type { User } from '../tables/users.js'
import type { FieldError } from '../web/form.js'
import { networkOf } from '../web/network.js'
import { loginKeysOf } from './fields.js'
import type { Counted } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { countAgainstLimits, logSecurity } from './security-log.js'

export interface TypedOwner extends Omit<CodeOwner, 'browser'> {
  typedAs?: string
}

const DIGITS = 8

export function newCode(): string {
  return String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')
}

// ASVS 5 6.5.5.
export const CODE_LIFE = 10 * MINUTE

const TRIES = 5

const NO_CODE: FieldError = {
  field: 'code',
  code: 'code_missing',
  sentence: 'Enter the code from the email.',
}
export const NOT_A_CODE: FieldError = {
  field: 'code',
  code: 'code_digits',
  sentence: 'The code must be 8 digits.',
}
export const CODE_WRONG: FieldError = {
  field: 'code',
  code: 'code_wrong',
  sentence:
    'The code is not correct, has expired, or was requested in another browser. Use the link in the latest email, or get another email.',
}

export type CodeOutcome = { ok: true; hash: string } | { ok: false; error: FieldError }

export async function checkCode(
  origin: Origin,
  registry: Registry,
  owner: TypedOwner,
  typed: string,
): Promise<CodeOutcome> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: NO_CODE }
  if (!CODE.test(code)) return { ok: false, error: NOT_A_CODE }
  const counted = codeAttempts(origin, owner)
  const { isBlocked } = await countAgainstLimits(origin, registry, counted, owner.typedAs)
  if (isBlocked) return wrongCode(origin, registry, owner, 'account_blocked')
  // Does not wait for the disk: an unknown name writes nothing, and timing would reveal that.
  const tried = await registry.database
    .writeLoose((loose) => tokens.tryCode(loose, { ...owner, now: registry.now(), tries: TRIES }))
    .catch(async (error: unknown) => {
      await registry.limits.giveBack(counted).catch(() => {})
      throw error
    })
  const boundTo = { ...owner, browser: origin.visit?.codeBrowser() ?? '' }
  if (tried === undefined || !registry.codes.matches(code, boundTo, tried.codeMac)) {
    return wrongCode(origin, registry, owner, tried === undefined ? 'no_code' : 'code_wrong')
  }
  // Otherwise failed attempts before a correct one would use up the limit of the whole site.
  await registry.limits.giveBack(counted, tried.tries)
  logSecurity(origin, registry, { event: 'code_accepted', purpose: owner.purpose, user: owner.userId })
  return { ok: true, hash: tried.hash }
}

function wrongCode(
  origin: Origin,
  registry: Registry,
  { purpose, typedAs }: TypedOwner,
  reason: string,
): CodeOutcome {
  logSecurity(origin, registry, {
    event: 'code_failed',
    reason,
    purpose,
    ...(typedAs !== undefined && { typed: typedAs }),
  })
  return { ok: false, error: CODE_WRONG }
}

const CODE = new RegExp(`^\\d{${DIGITS}}$`)

const PURPOSES = ['email-confirm', 'password-reset'] as const

export function codeAttemptsOf(user: User): Counted[] {
  return PURPOSES.flatMap((purpose) =>
    [user.id, ...loginKeysOf(user).map((key) => `called ${key}`)].map(
      (of): Counted => ({ rule: 'codeAccount', of: `${purpose} ${of}` }),
    ),
  )
}

// Reporting the limit that username and email share would reveal that they belong together.
function codeAttempts(origin: Origin, { userId, purpose, typedAs }: TypedOwner): Counted[] {
  const ofAccount: Counted = { rule: 'codeAccount', of: `${purpose} ${userId}` }
  const ofAsked: Counted[] =
    typedAs === undefined
      ? [ofAccount]
      : [
          { rule: 'codeAccount', of: `${purpose} called ${typedAs}` },
          { ...ofAccount, quiet: true },
        ]
  return [...ofAsked, { rule: 'codeNetwork', of: networkOf(origin.address) }, { rule: 'codeSite', of: '' }]
}

// Copied or typed with a code. Japanese keyboards type U+30FC for a dash.
const IGNORED = /[\s\p{Pd}\u2043\u2212\u30FC\p{Cc}\p{Default_Ignorable_Code_Point}]/gu

export function normalizeCode(typed: string): string {
  if (isOverlong(typed)) return typed
  return typed
    .normalize('NFKC')
    .replaceAll(IGNORED, '')
    .replaceAll(/\p{Nd}/gu, asciiDigit)
}

// The digits of a script are contiguous, from 0 to 9 (The Unicode Standard, 4.6).
function asciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1
  return String((codePoint - first) % 10)
}
