import { randomInt } from 'node:crypto'
import { MINUTE } from '../base/durations.js'
import { isBeyondAll } from '../base/normal-form.js'
import type { CodeOwner } from '../secrets/code-mac.js'
import * as tokens from '../tables/tokens.js'
import type { User } from '../tables/users.js'
import type { Broken } from '../web/form.js'
import { networkOf } from '../web/network.js'
import { emailKeyOf, nameKeyOf } from './fields.js'
import type { Counted } from './limits.js'
import type { Origin } from './origin.js'
import type { Registry } from './registry.js'
import { logSecurity, takePlaces } from './security-log.js'

/** An owner whom only a name says that was typed: by it tries are counted where anybody can see it. */
export interface CalledOwner extends Omit<CodeOwner, 'browser'> {
  calledBy?: string
}

const DIGITS = 8

/** Eight digits to be typed from a mail. */
export function newCode(): string {
  return String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0')
}

/** So long a code can be typed (ASVS 5 6.5.5). */
export const CODE_LIFE = 10 * MINUTE

/** So often one code may be tried. */
const TRIES = 5

const NO_CODE: Broken = { field: 'code', code: 'code_missing', sentence: 'Enter the code from the mail.' }
export const NOT_A_CODE: Broken = {
  field: 'code',
  code: 'code_digits',
  sentence: 'The code has eight digits.',
}
export const CODE_WRONG: Broken = {
  field: 'code',
  code: 'code_wrong',
  sentence:
    'This code is wrong, has expired, or was not asked for in this browser. Use the link in the newest email, or ask for another email.',
}

export type CodeOutcome = { ok: true; hash: string } | { ok: false; error: Broken }

/**
 * Whether this is the code that its owner was mailed last, and that this browser has asked for; answers the hash of the
 * token that it stands for, which is yet to be used. Counted before it is compared, for the account, the network and the
 * site. Throws `LimitReached`.
 */
export async function checkCode(
  origin: Origin,
  registry: Registry,
  owner: CalledOwner,
  typed: string,
): Promise<CodeOutcome> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: NO_CODE }
  if (!CODE.test(code)) return { ok: false, error: NOT_A_CODE }
  const counted = countedCode(origin, owner)
  const { isHeld } = await takePlaces(origin, registry, counted, owner.calledBy)
  if (isHeld) return wrongCode(origin, registry, owner, 'account_held')
  // Not waited for on the disk: for a name that nobody has nothing is written, and how long that takes would tell it.
  const tried = await registry.database.note((loose) =>
    tokens.tryCode(loose, { ...owner, now: registry.now(), tries: TRIES }),
  )
  const whose = { ...owner, browser: origin.visit?.askedBrowser() ?? '' }
  if (tried === undefined || !registry.codes.matches(code, whose, tried.codeMac)) {
    return wrongCode(origin, registry, owner, tried === undefined ? 'no_code' : 'code_wrong')
  }
  // Whoever mistyped the code and then has it right was no guesser; so few wrong ones are left over for the whole site.
  await registry.limits.giveBack(counted, tried.tries)
  logSecurity(origin, registry, { event: 'code_accepted', purpose: owner.purpose, user: owner.userId })
  return { ok: true, hash: tried.hash }
}

function wrongCode(
  origin: Origin,
  registry: Registry,
  { purpose, calledBy }: CalledOwner,
  reason: string,
): CodeOutcome {
  logSecurity(origin, registry, {
    event: 'code_failed',
    reason,
    purpose,
    ...(calledBy !== undefined && { typed: calledBy }),
  })
  return { ok: false, error: CODE_WRONG }
}

const CODE = new RegExp(`^\\d{${DIGITS}}$`)

const PURPOSES = ['email-confirm', 'password-reset'] as const

/** What was tried at the codes of a user. */
export function codeTriesOf({ id, name, email }: User): Counted[] {
  return PURPOSES.flatMap((purpose) =>
    [id, `called ${nameKeyOf(name)}`, `called ${emailKeyOf(email)}`].map(
      (of): Counted => ({ rule: 'codeAccount', of: `${purpose} ${of}` }),
    ),
  )
}

// By name and by e-mail one account has one limit, too; were that seen, it would tell whose e-mail that is.
function countedCode(origin: Origin, { userId, purpose, calledBy }: CalledOwner): Counted[] {
  const ofAccount: Counted = { rule: 'codeAccount', of: `${purpose} ${userId}` }
  const ofAsked: Counted[] =
    calledBy === undefined
      ? [ofAccount]
      : [
          { rule: 'codeAccount', of: `${purpose} called ${calledBy}` },
          { ...ofAccount, quiet: true },
        ]
  return [...ofAsked, { rule: 'codeNetwork', of: networkOf(origin.address) }, { rule: 'codeSite', of: '' }]
}

// What is copied along with a code or typed between its digits: spaces, dashes of any kind (the long vowel mark is what a
// Japanese keyboard types for one), and what no eye sees.
const NOT_OF_A_CODE = /[\s\p{Pd}\u2043\u2212\u30FC\p{Cc}\p{Default_Ignorable_Code_Point}]/gu

/** A code as it was mailed, however its digits were typed: in full width, or those of any script. */
export function normalizeCode(typed: string): string {
  if (isBeyondAll(typed)) return typed
  return typed
    .normalize('NFKC')
    .replaceAll(NOT_OF_A_CODE, '')
    .replaceAll(/\p{Nd}/gu, asciiDigit)
}

// Unicode keeps the ten digits of a script together, from zero on (The Unicode Standard, 4.6).
function asciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0) ?? 0
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1
  return String((codePoint - first) % 10)
}
