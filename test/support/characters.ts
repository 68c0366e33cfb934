export const EMOJI = '😀'
export const ZERO_WIDTH_SPACE = '\u200b'
export const ZERO_WIDTH_JOINER = '\u200d'
export const RIGHT_TO_LEFT_OVERRIDE = '\u202e'
export const COMBINING_ACUTE = '\u0301'

export const INVISIBLE = {
  'a Hangul filler': '\u3164',
  'a half-width Hangul filler': '\uffa0',
  'a zero-width space': ZERO_WIDTH_SPACE,
  'a zero-width joiner': ZERO_WIDTH_JOINER,
  'a word joiner': '\u2060',
  'a right-to-left override': RIGHT_TO_LEFT_OVERRIDE,
  'a right-to-left mark': '\u200f',
  'a soft hyphen': '\u00ad',
  'a byte order mark': '\ufeff',
  'a variation selector': '\ufe0f',
  'a combining grapheme joiner': '\u034f',
  'a tag character': '\u{e0061}',
  'a NUL': '\0',
  'a tab': '\t',
  'a line break': '\n',
  'an escape': '\x1b',
  'a C1 control': '\x85',
}
