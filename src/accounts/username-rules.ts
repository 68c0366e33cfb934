import { createRequire } from 'node:module'
import type slugify from '@sindresorhus/slugify'
import {
  hasStackedMarks,
  isInvisible,
  MAX_MARKS,
  trimBlank,
  withoutInvisible,
  withoutJoiners,
} from '../base/characters.js'
import { fold } from '../base/fold.js'
import { isOverlong, isPlain, normalForm } from '../base/normal-form.js'
import { once } from '../base/once.js'
import { mixesScripts } from '../base/scripts.js'
import type { FieldError } from '../web/form.js'
import { type Field, lengthOf } from './field.js'
import { imitatedKeyOf, isReserved } from './reserved-names.js'

const NAME_MIN = 3
const NAME_MAX = 25
const OTHER_CHARACTER = /[^\p{L}\p{Mn}\p{Mc}\p{Nd} ._-]/u
const SPACES = /[\u00A0\u2000-\u200A\u202F\u205F\u3000]/g
const FULL_AND_HALF_WIDTH = /[\uFF01-\uFFEF]/g

// Only composes and normalizes width (RFC 8265 3.3).
export function normalizeName(name: string): string {
  const trimmed = trimBlank(name)
  if (isOverlong(trimmed) || isPlain(trimmed)) return trimmed
  const plain = trimmed.replaceAll(SPACES, ' ')
  const inWidth = plain.replaceAll(FULL_AND_HALF_WIDTH, (letter) => letter.normalize('NFKC'))
  return trimBlank(normalForm(inWidth, 'NFC'))
}

export function nameKeyOf(name: string): string {
  return fold(withoutInvisible(normalizeName(name)))
}

export function claimsOf(name: string): { nameKey: string; slug: string; looksLike: string } {
  const nameKey = nameKeyOf(name)
  return { nameKey, slug: slugOf(name), looksLike: imitatedKeyOf(nameKey) }
}

const USERNAME_LENGTH: FieldError = {
  field: 'username',
  code: 'username_length',
  sentence: 'Username must be between {min} and {max} characters.',
  params: { min: NAME_MIN, max: NAME_MAX },
}

export const username: Field = {
  missing: { field: 'username', code: 'username_missing', sentence: 'Choose a username.' },
  // Some characters fold to a whole phrase.
  long: {
    ...USERNAME_LENGTH,
    isBroken: (name) => lengthOf(name) > NAME_MAX || lengthOf(fold(name)) > 2 * NAME_MAX,
  },
  rules: [
    { ...USERNAME_LENGTH, isBroken: (name) => lengthOf(name) < NAME_MIN },
    {
      field: 'username',
      code: 'username_invisible',
      sentence: 'Username must not include invisible characters. Type it instead of pasting it.',
      isBroken: (name) => isInvisible(withoutJoiners(name)),
    },
    {
      field: 'username',
      code: 'username_characters',
      sentence: 'Username can only include letters, numbers, spaces, dots, underscores and hyphens.',
      isBroken: (name) => OTHER_CHARACTER.test(withoutInvisible(name)),
    },
    {
      field: 'username',
      code: 'username_marks',
      sentence: 'Username must have {max} accents or fewer on each letter.',
      params: { max: MAX_MARKS },
      isBroken: hasStackedMarks,
    },
    {
      field: 'username',
      code: 'username_no_letter',
      sentence: 'Username must include at least one letter or number.',
      isBroken: (name) => slugOf(name) === '',
    },
    {
      field: 'username',
      code: 'username_reserved',
      sentence: 'This username is reserved. Choose another one.',
      isBroken: isReservedName,
    },
    {
      field: 'username',
      code: 'username_scripts',
      sentence: 'Username must use the letters of one alphabet only.',
      isBroken: (name) => mixesScripts(name) && !isReservedName(name),
    },
  ],
}

function isReservedName(name: string): boolean {
  return isReserved(name, slugOf(name))
}

export function withNumber(name: string, number: number): string {
  const digits = String(number)
  return `${[...name].slice(0, NAME_MAX - digits.length).join('')}${digits}`
}

export const USERNAME_TAKEN: FieldError = {
  field: 'username',
  code: 'username_taken',
  sentence: 'This username is already taken.',
}

const LETTER_OR_DIGIT = /[\p{L}\p{Nd}]/gu

const SILENT = new Set('ьъ')

let last = { name: '', slug: '' }

// If a letter has no Latin form (Chinese, Hindi, Thai), the slug is the whole folded name, because a part of it could
// be someone else's. Returns '' for a name that nobody can have.
export function slugOf(name: string): string {
  if (lengthOf(name) > NAME_MAX) return ''
  if (last.name !== name) last = { name, slug: computedSlug(name) }
  return last.slug
}

function computedSlug(name: string): string {
  const folded = nameKeyOf(name)
  if (/^[a-z0-9]+$/.test(folded)) return folded
  const letters = folded.match(LETTER_OR_DIGIT) ?? []
  if (letters.length === 0) return ''
  return letters.every(isLatinizable) ? latinized(folded) : folded
}

function isLatinizable(letter: string): boolean {
  return /[a-z0-9]/.test(letter) || SILENT.has(letter) || latinized(letter) !== ''
}

// AnnaBelle and Annabelle have the same slug.
function latinized(text: string): string {
  return slugifier()(text, { decamelize: false })
}

const slugifier = once((): typeof slugify => createRequire(import.meta.url)('@sindresorhus/slugify').default)
