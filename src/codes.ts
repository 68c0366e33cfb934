import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import type { House } from './house.js'
import * as tokens from './tables/tokens.js'
import type { Broken } from './web/form.js'

/** Whose code it is, and for what. */
export interface CodeOwner {
  userId: string
  purpose: tokens.Purpose
}

/** The codes of a site: of a million possible ones a hash would hide none, so what is kept is an HMAC under its key. */
export interface Codes {
  mac(code: string, owner: CodeOwner): string
  /** Whether the code is the one of this HMAC; takes the same time whatever is typed. */
  matches(code: string, owner: CodeOwner, mac: string): boolean
}

export function createCodes(secret: Buffer): Codes {
  const mac: Codes['mac'] = (code, { userId, purpose }) =>
    createHmac('sha256', secret).update(`${purpose}\0${userId}\0${code}`).digest('base64url')
  return {
    mac,
    matches(code, owner, expected) {
      const [one, other] = [Buffer.from(mac(code, owner)), Buffer.from(expected)]
      return one.length === other.length && timingSafeEqual(one, other)
    },
  }
}

/** Six digits to be typed from a mail. */
export function newCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}

/** So often one code may be tried. */
const TRIES = 5

const NO_CODE: Broken = { field: 'code', code: 'code_missing', sentence: 'Enter the code from the mail.' }
const NOT_A_CODE: Broken = { field: 'code', code: 'code_digits', sentence: 'The code has six digits.' }
const CODE_WRONG: Broken = {
  field: 'code',
  code: 'code_wrong',
  sentence: 'This code is wrong or too old. Take that of the newest mail, or ask for another one.',
}

export type CodeOutcome = { ok: true; hash: string } | { ok: false; error: Broken }

/**
 * Whether this is the code that its owner was mailed last; answers the hash of the token that it stands for, which is yet
 * to be used. Counted before it is compared, for the code and for the account. Throws `LimitReached`.
 */
export async function checkCode(house: House, owner: CodeOwner, typed: string): Promise<CodeOutcome> {
  const code = normalizeCode(typed)
  if (code === '') return { ok: false, error: NO_CODE }
  if (!/^\d{6}$/.test(code)) return { ok: false, error: NOT_A_CODE }
  const counted = [{ rule: 'codeAccount', of: `${owner.purpose} ${owner.userId}` }] as const
  await house.limits.take(counted)
  const tried = await house.database.write((transaction) =>
    tokens.tryCode(transaction, { ...owner, now: house.now(), tries: TRIES }),
  )
  if (tried === undefined || !house.codes.matches(code, owner, tried.codeMac)) {
    return { ok: false, error: CODE_WRONG }
  }
  await house.limits.giveBack(counted)
  return { ok: true, hash: tried.hash }
}

// People copy spaces with it, and phones write the digits of other scripts in full width.
function normalizeCode(typed: string): string {
  return typed.normalize('NFKC').replaceAll(/[\s-]/g, '')
}
