import { createRequire } from 'node:module'
import type slugify from '@sindresorhus/slugify'
import {
  isInvisible,
  isOverloaded,
  MOST_MARKS,
  trimUnseen,
  withoutInvisible,
  withoutJoiners,
} from '../base/characters.js'
import { fold } from '../base/fold.js'
import { isBeyondAll, normalForm } from '../base/normal-form.js'
import { once } from '../base/once.js'
import { mixesScripts } from '../base/scripts.js'
import { isCommonPassword, normalizePassword } from '../secrets/password.js'
import type { Broken } from '../web/form.js'
import { emailKeyOf, isEmailAddress } from './email-keys.js'
import { imitatedKeyOf, isReserved } from './reserved-names.js'

export { fold } from '../base/fold.js'
export { emailKeyOf, emailPartKeyOf, normalizeEmail } from './email-keys.js'

/** What is asked of one field: each rule once, for every form that has the field, the commands and all else. */
export interface Field {
  /** What is said of a field that was left empty; without it, it may be. */
  missing?: Broken
  /** Asked first: nothing else looks at a value that is too long, whose every letter would cost time. */
  long?: Rule
  /** Asked only of a value that was given; all that are broken are told together. */
  rules: readonly Rule[]
}

interface Rule extends Broken {
  isBroken(value: string): boolean
}

/** The errors of a field's value, in the order of its rules. */
export function check(field: Field, value: string): Broken[] {
  if (value === '') return field.missing === undefined ? [] : [field.missing]
  const rules = field.long?.isBroken(value) ? [field.long] : field.rules
  return rules.filter((rule) => rule.isBroken(value)).map(({ isBroken: _, ...broken }) => broken)
}

/** The key of what somebody logs in by: only an email address has an @ in it, in whatever width. */
export function loginKeyOf(typed: string): string {
  return fold(typed).includes('@') ? emailKeyOf(typed) : nameKeyOf(typed)
}

// ── user name ────────────────────────────────────────────────────────────────────────────────────────────────────────

const NAME_MIN = 3
const NAME_MAX = 25
const OTHER_CHARACTER = /[^\p{L}\p{Mn}\p{Mc}\p{Nd} ._-]/u
const SPACES = /[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g
const FULL_AND_HALF_WIDTH = /[\uFF01-\uFFEF]/g

/** A user name as it is stored and shown: composed, and in the usual width (RFC 8265, 3.3), but else as typed. */
export function normalizeName(name: string): string {
  const trimmed = trimUnseen(name)
  if (isBeyondAll(trimmed)) return trimmed
  const plain = trimmed.replaceAll(SPACES, ' ')
  const inWidth = plain.replaceAll(FULL_AND_HALF_WIDTH, (letter) => letter.normalize('NFKC'))
  return trimUnseen(normalForm(inWidth, 'NFC'))
}

/** What makes two names the same, and what one logs in by. */
export function nameKeyOf(name: string): string {
  return fold(withoutInvisible(normalizeName(name)))
}

/** What a name claims for its user; `looksLike` is the key of the name that it would be taken for. */
export function claimsOf(name: string): { nameKey: string; slug: string; looksLike: string } {
  const nameKey = nameKeyOf(name)
  return { nameKey, slug: slugOf(name), looksLike: imitatedKeyOf(nameKey) }
}

const USERNAME_LENGTH: Broken = {
  field: 'username',
  code: 'username_length',
  sentence: 'User name: {min} to {max} characters.',
  params: { min: NAME_MIN, max: NAME_MAX },
}

export const username: Field = {
  missing: { field: 'username', code: 'username_missing', sentence: 'Choose a user name.' },
  // Some signs stand for a whole sentence: what they say is counted where it is much.
  long: {
    ...USERNAME_LENGTH,
    isBroken: (name) => lengthOf(name) > NAME_MAX || lengthOf(fold(name)) > 2 * NAME_MAX,
  },
  rules: [
    { ...USERNAME_LENGTH, isBroken: (name) => lengthOf(name) < NAME_MIN },
    {
      field: 'username',
      code: 'username_invisible',
      sentence:
        'The username contains a character that cannot be seen. Type the username instead of pasting it.',
      isBroken: (name) => isInvisible(withoutJoiners(name)),
    },
    {
      field: 'username',
      code: 'username_characters',
      sentence: 'User name: only letters, digits, space . _ -',
      isBroken: (name) => OTHER_CHARACTER.test(withoutInvisible(name)),
    },
    {
      field: 'username',
      code: 'username_marks',
      sentence: 'The username has too many marks on one letter. Use at most {max}.',
      params: { max: MOST_MARKS },
      isBroken: isOverloaded,
    },
    {
      field: 'username',
      code: 'username_no_letter',
      sentence: 'User name: at least one letter or digit.',
      isBroken: (name) => slugOf(name) === '',
    },
    {
      field: 'username',
      code: 'username_reserved',
      sentence: 'This user name is reserved.',
      isBroken: isReservedName,
    },
    {
      field: 'username',
      code: 'username_scripts',
      sentence: 'The username mixes letters of different alphabets. Use the letters of one alphabet.',
      isBroken: (name) => !isReservedName(name) && mixesScripts(name),
    },
  ],
}

function isReservedName(name: string): boolean {
  return isReserved(name, slugOf(name))
}

/** The name with a number behind it, no longer than a name may be. */
export function withNumber(name: string, number: number): string {
  const digits = String(number)
  return `${[...name].slice(0, NAME_MAX - digits.length).join('')}${digits}`
}

export const USERNAME_TAKEN: Broken = {
  field: 'username',
  code: 'username_taken',
  sentence: 'This user name is already in use.',
}

const LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/gu

// The Cyrillic signs have no sound of their own: nothing is lost without them.
const SILENT = new Set('ьъ')

// One rule after the other asks for it, and then the claim.
let last = { name: '', slug: '' }

/**
 * The name in the address of its public page: Слава is `slava`. Where a letter has no Latin form (Chinese, Hindi, Thai)
 * it is the folded name itself: half a name would be somebody else's. '' if there is no letter or digit, or if no user
 * can have the name, for it is too long: each letter costs time.
 */
export function slugOf(name: string): string {
  if (lengthOf(name) > NAME_MAX) return ''
  if (last.name !== name) last = { name, slug: workedOut(name) }
  return last.slug
}

function workedOut(name: string): string {
  const folded = nameKeyOf(name)
  if (/^[a-z0-9]+$/.test(folded)) return folded // as most are
  const letters = folded.match(LETTER_OR_DIGIT) ?? []
  if (letters.length === 0) return ''
  return letters.every(isLatinizable) ? latin(folded) : folded
}

function isLatinizable(letter: string): boolean {
  return /[a-z0-9]/.test(letter) || SILENT.has(letter) || latin(letter) !== ''
}

// Not split at capitals: AnnaBelle and Annabelle are one name.
function latin(text: string): string {
  return slugifier()(text, { decamelize: false })
}

// Its table of letters would take 20 ms of each start; a name of small Latin letters and digits needs none of it.
const slugifier = once((): typeof slugify => createRequire(import.meta.url)('@sindresorhus/slugify').default)

/** In code points; in UTF-16 units where even half of them would be too many. */
function lengthOf(text: string): number {
  return isBeyondAll(text) ? text.length : [...text].length
}

// ── e-mail ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const EMAIL_MAX = 254

const EMAIL_INVALID: Broken = {
  field: 'email',
  code: 'email_invalid',
  sentence: 'E-mail: an address like name@example.com.',
}

export const email: Field = {
  missing: { field: 'email', code: 'email_missing', sentence: 'Enter your e-mail address.' },
  long: { ...EMAIL_INVALID, isBroken: (address) => lengthOf(address) > EMAIL_MAX },
  rules: [
    {
      field: 'email',
      code: 'email_invisible',
      sentence:
        'The email address contains a character that cannot be seen. Type the address instead of pasting it.',
      isBroken: isOnlyInvisible,
    },
    {
      ...EMAIL_INVALID,
      isBroken: (address) => !(isEmailAddress(address) || isOnlyInvisible(address)),
    },
  ],
}

// Nothing else is wrong with it.
function isOnlyInvisible(address: string): boolean {
  return isInvisible(address) && isEmailAddress(withoutInvisible(address))
}

export const EMAIL_TAKEN: Broken = {
  field: 'email',
  code: 'email_taken',
  sentence: 'This e-mail address is already in use.',
}

// ── password ─────────────────────────────────────────────────────────────────────────────────────────────────────────

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

// ── name of a device ─────────────────────────────────────────────────────────────────────────────────────────────────

const DEVICE_NAME_MAX = 40
const LINE_BREAK = /[\p{Zl}\p{Zp}]/u

/** What a user calls a device, as it is stored and shown. */
export function normalizeDeviceName(name: string): string {
  return trimUnseen(normalForm(name, 'NFC'))
}

// What phones put behind and between the parts of a picture: 🖥️ is one, and a family is held together by the other.
const IN_PICTURES =
  /(?<=\p{Extended_Pictographic}\p{Emoji_Modifier}?)\uFE0F|(?<=\p{Extended_Pictographic}\uFE0F?\p{Emoji_Modifier}?)\u200D(?=\p{Extended_Pictographic})/gu

export const deviceName: Field = {
  long: {
    field: 'name',
    code: 'device_name_length',
    sentence: 'Name: at most {max} characters.',
    params: { max: DEVICE_NAME_MAX },
    isBroken: (name) => lengthOf(name) > DEVICE_NAME_MAX,
  },
  rules: [
    {
      field: 'name',
      code: 'device_name_invisible',
      sentence: 'The name contains a character that cannot be seen. Type the name instead of pasting it.',
      isBroken: (name) =>
        isInvisible(withoutJoiners(name.replaceAll(IN_PICTURES, ''))) || LINE_BREAK.test(name),
    },
    {
      field: 'name',
      code: 'device_name_marks',
      sentence: 'The name has too many marks on one letter. Use at most {max}.',
      params: { max: MOST_MARKS },
      isBroken: isOverloaded,
    },
  ],
}
