import { isBeyondAll, normalForm } from './normal-form.js'

// Includes half surrogates and characters drawn as nothing (zero-width, bidi, Hangul filler).
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u
const ALL_INVISIBLE = new RegExp(INVISIBLE, 'gu')

export function isInvisible(text: string): boolean {
  return INVISIBLE.test(text)
}

export function withoutInvisible(text: string): string {
  return text.replaceAll(ALL_INVISIBLE, '')
}

const UNSEEN = /[\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u
const OF_A_PICTURE = /[\uFE0F\u{E0020}-\u{E007F}]/u
const PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]/u

export function trimUnseen(text: string): string {
  const trimmed = text.trim()
  if (isBeyondAll(trimmed)) return trimmed
  const characters = [...trimmed]
  const start = characters.findIndex((one) => !UNSEEN.test(one))
  if (start < 0) return ''
  let end = characters.length
  while (UNSEEN.test(characters[end - 1] ?? '')) end -= 1
  if (PICTURE.test(characters[end - 1] ?? '')) while (OF_A_PICTURE.test(characters[end] ?? '')) end += 1
  return characters.slice(start, end).join('')
}

// The most that a language puts on a letter in one place (UTS #39, 5.4). More would cover other text.
export const MAX_MARKS = 4
const STACKED = new RegExp(`\\p{Mn}{${MAX_MARKS + 1}}|\\p{Me}`, 'u')

export function isOverloaded(text: string): boolean {
  return STACKED.test(normalForm(text, 'NFD'))
}

const VIRAMA = '[\\u094D\\u09CD\\u0A4D\\u0ACD\\u0B4D\\u0BCD\\u0C4D\\u0CCD\\u0D4D\\u0DCA]'
const JOINERS = new RegExp(
  [
    '(?<=\\p{scx=Arab})\\u200C(?=\\p{scx=Arab})',
    `(?<=${VIRAMA})[\\u200C\\u200D](?=\\p{L})`,
    `(?<=\\p{L})[\\u200C\\u200D](?=${VIRAMA})`,
    '(?<=\\p{scx=Mong})[\\u180B-\\u180F](?=\\p{scx=Mong})',
  ].join('|'),
  'gu',
)

/** Removes invisible characters where spelling requires them (UAX #31, 2.3), as in Persian and Sinhala. */
export function withoutJoiners(text: string): string {
  return text.replaceAll(JOINERS, '')
}
