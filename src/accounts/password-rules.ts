import { fold } from '../base/fold.js'
import { isCommonPassword, normalizePassword } from '../secrets/password.js'

import { EMAIL_MAX } from './email-rules.js'
import { type Field, lengthOf } from './field.js'

/** Code points after NFKC. */
const PASSWORD_MAX = 256

export interface PasswordRules {
  /** Code points after NFKC. */
  passwordMinLength: number
  /** What everybody who knows the site tries first: its name, its host. */
  siteWords: readonly string[]
}

/** The rules of a new password; `own` are what everybody who knows the user tries first: the username, the email address. */
export function newPassword(
  { passwordMinLength: minLength, siteWords }: PasswordRules,
  own: readonly string[],
): Field {
  return {
    missing: { field: 'password', code: 'password_missing', sentence: 'Choose a password.' },
    long: {
      field: 'password',
      code: 'password_long',
      sentence: 'Password: at most {max} characters.',
      params: { max: PASSWORD_MAX },
      isBroken: (password) => lengthOf(normalizePassword(password)) > PASSWORD_MAX,
    },
    rules: [
      {
        field: 'password',
        code: 'password_short',
        sentence: 'Password: at least {min} characters.',
        params: { min: minLength },
        isBroken: (password) => lengthOf(normalizePassword(password)) < minLength,
      },
      {
        field: 'password',
        code: 'password_common',
        sentence: 'Password: too many people use this one.',
        isBroken: isCommonPassword,
      },
      {
        field: 'password',
        code: 'password_own',
        sentence: "Password must not be mostly your username, your email address or this site's name.",
        isBroken: (password) => isMostly([...own, ...siteWords], password, minLength),
      },
    ],
  }
}

/**
 * Whether the password is little more than words that are tried first (ASVS 5 6.2.11): they are half of it or more, and what
 * is left would be too short by itself. That refuses `gatehouse2026`, but neither `hosannas` for a user called Ann nor a
 * long sentence with the name of the site in it.
 */
function isMostly(texts: readonly string[], password: string, minLength: number): boolean {
  const folded = fold(password)
  const words = wordsIn(texts).filter((word) => folded.includes(word))
  if (words.length === 0) return false
  const all = lengthOf(folded)
  const left = lengthOf(folded.replaceAll(new RegExp(words.map(escaped).join('|'), 'gu'), ''))
  return left < minLength && left * 2 <= all
}

/** Words that are shorter are in every other password. */
const WORD_MIN = 3

/** The texts and the words in them, folded, the longest first. */
function wordsIn(texts: readonly string[]): string[] {
  // A text that is longer is no name and no address.
  const folded = texts.filter((text) => text.length <= 2 * EMAIL_MAX).map(fold)
  const words = folded.flatMap((text) => [text, ...text.split(/[^\p{L}\p{M}\p{Nd}]+/u)])
  return [...new Set(words)]
    .filter((word) => lengthOf(word) >= WORD_MIN)
    .sort((one, other) => other.length - one.length)
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

/** The rules of the second field of a new password. */
export function repeated(password: string): Field {
  return {
    missing: { field: 'repassword', code: 'repassword_missing', sentence: 'Repeat the password.' },
    rules: [
      {
        field: 'repassword',
        code: 'repassword_differs',
        sentence: 'The two passwords differ.',
        isBroken: (repassword) => normalizePassword(repassword) !== normalizePassword(password),
      },
    ],
  }
}
