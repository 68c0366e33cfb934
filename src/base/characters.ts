import { isOverlong, isPlain, normalForm } from './normal-form.js'

// Includes lone surrogates and characters that show nothing (zero-width, bidi, Hangul filler).
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/u
const ALL_INVISIBLE = new RegExp(INVISIBLE, 'gu')

export function isInvisible(text: string): boolean {
  return INVISIBLE.test(text)
}

export function withoutInvisible(text: string): string {
  return text.replaceAll(ALL_INVISIBLE, '')
}

const BLANK = /[\s\p{Cc}\p{Default_Ignorable_Code_Point}]/u
const EMOJI_SUFFIX = /[\uFE0F\u{E0020}-\u{E007F}]/u
const EMOJI = /[\p{Extended_Pictographic}\p{Emoji_Modifier}]/u

export function trimBlank(text: string): string {
  const trimmed = text.trim()
  if (isOverlong(trimmed) || isPlain(trimmed)) return trimmed
  const characters = [...trimmed]
  const start = characters.findIndex((one) => !BLANK.test(one))
  if (start < 0) return ''
  let end = characters.length
  while (BLANK.test(characters[end - 1] ?? '')) end -= 1
  if (EMOJI.test(characters[end - 1] ?? '')) while (EMOJI_SUFFIX.test(characters[end] ?? '')) end += 1
  return characters.slice(start, end).join('')
}

// No language puts more marks on a letter (UTS #39, 5.4). More would cover other text.
export const MAX_MARKS = 4
const STACKED_MARKS = new RegExp(`\\p{Mn}{${MAX_MARKS + 1}}|\\p{Me}`, 'u')

export function hasStackedMarks(text: string): boolean {
  return STACKED_MARKS.test(normalForm(text, 'NFD'))
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
