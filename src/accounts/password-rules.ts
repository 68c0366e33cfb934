import { fold } from '../base/fold.js'
import { isCommonPassword, normalizePassword } from '../secrets/password.js'

import type { FieldError } from '../web/form.js'
import { EMAIL_MAX } from './email-rules.js'
import { type Field, lengthOf, type Rule } from './field.js'
import { strengthOf } from './password-strength.js'

const PASSWORD_MAX = 256

export interface PasswordRules {
  /** Code points after NFKC. */
  passwordMinLength: number
  /** 0 to 4, by zxcvbn; 0 by default. */
  passwordMinScore?: number
  siteWords: readonly string[]
  emails?: 'required' | 'none'
}

const LIKE_NAME_OR_EMAIL: FieldError = {
  field: 'password',
  code: 'password_own',
  sentence: 'Password must not be mostly your username, your email address or the name of this site.',
}
const LIKE_NAME: FieldError = {
  field: 'password',
  code: 'password_own_name',
  sentence: 'Password must not be mostly your username or the name of this site.',
}

const TOO_LONG: Rule = {
  field: 'password',
  code: 'password_long',
  sentence: 'Password must be {max} characters or fewer.',
  params: { max: PASSWORD_MAX },
  isBroken: (password) => lengthOf(normalizePassword(password)) > PASSWORD_MAX,
}

export function newPassword(
  { passwordMinLength: min, passwordMinScore: minScore = 0, siteWords, emails }: PasswordRules,
  own: readonly string[],
): Field {
  const texts = [...own, ...siteWords]
  return {
    missing: { field: 'password', code: 'password_missing', sentence: 'Choose a password.' },
    long: TOO_LONG,
    rules: [
      {
        field: 'password',
        code: 'password_short',
        sentence: 'Password must be at least {min} characters.',
        params: { min },
        isBroken: (password) => lengthOf(normalizePassword(password)) < min,
      },
      {
        field: 'password',
        code: 'password_common',
        sentence: 'This password is too common. Choose one that is harder to guess.',
        isBroken: isCommonPassword,
      },
      {
        ...(emails === 'none' ? LIKE_NAME : LIKE_NAME_OR_EMAIL),
        isBroken: (password) => isMostly(texts, password, min),
      },
      {
        field: 'password',
        code: 'password_weak',
        sentence: 'This password is too easy to guess. Add another word or two.',
        isBroken: (password) => minScore > 0 && isWeaker(password, texts, minScore),
      },
    ],
  }
}

// `value` is the score from 1.
function isWeaker(password: string, texts: readonly string[], minScore: number): boolean {
  return strengthOf(password, texts).value - 1 < minScore
}

// At least half of it, and the rest would be too short (ASVS 5 6.2.11). Refuses `gatehouse2026`, but neither
// `hosannas` for Ann nor a long sentence with the site's name.
function isMostly(texts: readonly string[], password: string, minLength: number): boolean {
  const folded = fold(password)
  const words = wordsIn(texts, folded)
  if (words.length === 0) return false
  const all = lengthOf(folded)
  const left = lengthOf(folded.replaceAll(new RegExp(words.map(escapeRegExp).join('|'), 'gu'), ''))
  return left < minLength && left * 2 <= all
}

const WORD_MIN = 3

function wordsIn(texts: readonly string[], password: string): string[] {
  const folded = texts.filter((text) => text.length <= 2 * EMAIL_MAX).map(fold)
  const words = folded.flatMap((text) => [text, ...text.split(/[^\p{L}\p{M}\p{Nd}]+/u)])
  return [...new Set(words.filter((word) => password.includes(word)))]
    .filter((word) => lengthOf(word) >= WORD_MIN)
    .sort((one, other) => other.length - one.length)
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
}

export function repeated(password: string): Field {
  return {
    missing: { field: 'repassword', code: 'repassword_missing', sentence: 'Repeat the password.' },
    rules: [
      {
        field: 'repassword',
        code: 'repassword_differs',
        sentence: 'The passwords do not match. Enter the same one twice.',
        isBroken: (repassword) => normalizePassword(repassword) !== normalizePassword(password),
      },
    ],
  }
}
