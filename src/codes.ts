import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import type { House } from './house.js'
import { type Counted, LimitReached } from './limits.js'
import { isBeyondAll } from './normal-form.js'
import * as tokens from './tables/tokens.js'
import type { Broken } from './web/form.js'

/** Whose code it is, and for what. */
export interface CodeOwner {
  userId: string
  purpose: tokens.Purpose
}

/** An owner whom only a name says that was typed: by it tries are counted where anybody can see it. */
export interface CalledOwner extends CodeOwner {
  calledBy?: string
}

/** The codes of a site: of a million possible ones a hash would hide none, so what is kept is an HMAC under its key. */
export interface Codes {
  /** By the newest key. */
  mac(code: string, owner: CodeOwner): string
  /** Whether the code is the one of this HMAC, by whichever key of the ring; takes the same time whatever is typed. */
  matches(code: string, owner: CodeOwner, mac: string): boolean
}

/** `secrets` are of the keys of the ring, newest first. */
export function createCodes(secrets: readonly Buffer[]): Codes {
  const [newest] = secrets
  if (newest === undefined) throw new Error('createCodes needs at least one secret.')
  return {
    mac: (code, owner) => macOf(newest, code, owner),
    matches: (code, owner, expected) =>
      secrets.filter((secret) => isSame(macOf(secret, code, owner), expected)).length > 0,
  }
}

function macOf(secret: Buffer, code: string, { userId, purpose }: CodeOwner): string {
  return createHmac('sha256', secret).update(`${purpose}\0${userId}\0${code}`).digest('base64url')
}

function isSame(mac: string, expected: string): boolean {
  const [one, other] = [Buffer.from(mac), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

/** Six digits to be typed from a mail. */
export function newCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}

/** So often one code may be tried. */
const TRIES = 5

const NO_CODE: Broken = { field: 'code', code: 'code_missing', sentence: 'Enter the code from the mail.' }
const NOT_A_CODE: Broken = { field: 'code', code: 'code_digits', sentence: 'The code has six digits.' }
export const CODE_WRONG: Broken = {
  field: 'code',
  code: 'code_wrong',
  sentence: 'This code is wrong or too old. Take that of the newest mail, or ask for another one.',
}

export type CodeOutcome = { ok: true; hash: string } | { ok: false; error: Broken }

/**
 * Whether this is the code that its owner was mailed last; answers the hash of the token that it stands for, which is yet
 * to be used. Counted before it is compared, for the code and for the account. Throws `LimitReached`.
 */
export async function checkCode(house: House, owner: CalledOwner, typed: string): Promise<CodeOutcome> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: NO_CODE }
  if (!/^\d{6}$/.test(code)) return { ok: false, error: NOT_A_CODE }
  const counted = await count(house, owner)
  if (counted === undefined) return { ok: false, error: CODE_WRONG }
  // Not waited for on the disk: for a name that nobody has nothing is written, and how long that takes would tell it.
  const tried = await house.database.note((loose) =>
    tokens.tryCode(loose, { ...owner, now: house.now(), tries: TRIES }),
  )
  if (tried === undefined || !house.codes.matches(code, owner, tried.codeMac)) {
    return { ok: false, error: CODE_WRONG }
  }
  await house.limits.giveBack(counted)
  return { ok: true, hash: tried.hash }
}

// By name and by e-mail one account has one limit, too; were that seen, it would tell whose e-mail that is.
async function count(
  house: House,
  { userId, purpose, calledBy }: CalledOwner,
): Promise<Counted[] | undefined> {
  const ofAccount: Counted = { rule: 'codeAccount', of: `${purpose} ${userId}` }
  if (calledBy === undefined) {
    await house.limits.take([ofAccount])
    return [ofAccount]
  }
  const ofName: Counted = { rule: 'codeAccount', of: `${purpose} called ${calledBy}` }
  await house.limits.take([ofName])
  try {
    await house.limits.take([ofAccount])
    return [ofName, ofAccount]
  } catch (error) {
    if (error instanceof LimitReached) return undefined
    throw error
  }
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
