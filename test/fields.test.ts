import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  check,
  deviceName,
  email,
  normalizeDeviceName,
  normalizeEmail,
  normalizeName,
  slugOf,
  username,
} from '../src/fields.js'

const EMOJI = '😀'
const ZERO_WIDTH_SPACE = '\u200b'
const ZERO_WIDTH_JOINER = '\u200d'
const RIGHT_TO_LEFT_OVERRIDE = '\u202e'
const COMBINING_ACUTE = '\u0301'

const INVISIBLE = {
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

// ── user name ─────────────────────────────────────────────────────────────

const names = suite('user name')

function nameCodes(typed: string): string[] {
  return check(username, normalizeName(typed)).map(({ code }) => code)
}

const GOOD_NAMES = [
  ...[
    'ann',
    'AnnaBelle',
    'anna belle',
    'a.b_c-d',
    '123',
    'Слава',
    'Игорь',
    'नमस्ते',
    'สวัสดี',
    '김철수',
    'ひらがな',
  ],
  ...[
    '小明的家',
    'مريم',
    'José',
    `Jose${COMBINING_ACUTE}`,
    'x'.repeat(25),
    '𠮷𠮷𠮷',
    '𠮷'.repeat(25),
    '  ann  ',
  ],
]

for (const name of GOOD_NAMES) {
  names(`may be ${name}`, () => assert.equal(nameCodes(name), []))
}

const REFUSED_NAMES: [why: string, name: string, code: string][] = [
  ['that is not given', '', 'username_missing'],
  ['of spaces alone', ' \u3000\u00a0 ', 'username_missing'],
  ['of two characters', 'ab', 'username_length'],
  ['of two characters that take four UTF-16 units', '𠮷𠮷', 'username_length'],
  ['of two letters and an accent that composes', `ne${COMBINING_ACUTE}`, 'username_length'],
  ['of three characters, one of them a space at the end', 'ab ', 'username_length'],
  ['of 26 characters', 'x'.repeat(26), 'username_length'],
  ['that is long only once it is normalized', 'ﷺﷺﷺ', 'username_length'],
  ['with an at sign', 'ann@example', 'username_characters'],
  ['with a wide at sign', 'ann＠example', 'username_characters'],
  ['with a slash', 'ann/bob', 'username_characters'],
  ['with an emoji', `ann${EMOJI}`, 'username_characters'],
  ['with a line separator', 'ann\u2028bob', 'username_characters'],
  ['with a no-break space in the middle that stays one', 'ann\u1680bob', 'username_characters'],
  ['with a private character', 'ann\ue000', 'username_characters'],
  ['with a blank Braille pattern', 'ann\u2800', 'username_characters'],
  ['of signs alone', '...', 'username_no_letter'],
  ['of accents alone', COMBINING_ACUTE.repeat(4), 'username_no_letter'],
]

for (const [why, name, code] of REFUSED_NAMES) {
  names(`${why} is refused`, () => assert.equal(nameCodes(name), [code]))
}

for (const [what, character] of Object.entries(INVISIBLE)) {
  names(`with ${what} in it is refused as not seen, and as nothing else`, () => {
    assert.equal(nameCodes(`an${character}na`), ['username_invisible'])
  })
}

for (const name of [
  'admin',
  'ADMIN',
  'ÁDMIN',
  'аdmin',
  'ａｄｍｉｎ',
  '.admin-',
  'Support',
  'sign up',
  'No_Reply',
  'login',
]) {
  names(`${name} is reserved`, () => assert.equal(nameCodes(name), ['username_reserved']))
}

for (const name of ['admins', 'administrata', 'Ad Min', 'rooty', 'login2']) {
  names(`${name} is not reserved`, () => assert.equal(nameCodes(name), []))
}

names('with half a character is refused', () => assert.is(nameCodes('ann\ud83d').length, 1))

names('hears of all its broken rules at once, in their order', () => {
  assert.equal(nameCodes(`/${ZERO_WIDTH_JOINER}`), [
    'username_length',
    'username_invisible',
    'username_characters',
    'username_no_letter',
  ])
  assert.equal(nameCodes(`ad${ZERO_WIDTH_SPACE}min!`).slice(0, 2), [
    'username_invisible',
    'username_characters',
  ])
})

names('that is too long hears of nothing else', () => {
  for (const name of [`${'x'.repeat(30)}${RIGHT_TO_LEFT_OVERRIDE}<`, '.'.repeat(26), '\0'.repeat(300)]) {
    assert.equal(nameCodes(name), ['username_length'])
  }
})

names(
  'is measured as it was typed where it is longer than any could be, and without what stands around it',
  () => {
    const wide = '\ufdfa'.repeat(10_600)
    assert.is(normalizeName(wide), wide)
    assert.equal(nameCodes(wide), ['username_length'])
    assert.is(normalizeName(`${' '.repeat(5_000)}Ａｎｎａ${' '.repeat(5_000)}`), 'Anna')
  },
)

names('is stored in its compatible, composed form without spaces around', () => {
  assert.is(normalizeName(`  Ｊｏｓｅ${COMBINING_ACUTE} `), 'José')
})

// ── slug ──────────────────────────────────────────────────────────────────

const slugs = suite('slug')

const SLUGS = {
  Слава: 'slava',
  Игорь: 'igor',
  Объявление: 'obyavlenie',
  AnnaBelle: 'annabelle',
  'Anna Belle': 'anna-belle',
  José: 'jose',
  Straße: 'strasse',
  Ærøskøbing: 'aeroskobing',
  Σίσυφος: 'sisyfos',
  '1.2.3': '1-2-3',
  小明的家: '小明的家',
  नमस्ते: 'नमस्ते',
  สวัสดี: 'สวัสดี',
  김철수: '김철수',
  Anna小: 'anna小',
  '小 Anna': '小 anna',
  '---': '',
  '': '',
}

for (const [name, slug] of Object.entries(SLUGS)) {
  slugs(`of ${JSON.stringify(name)} is ${JSON.stringify(slug)}`, () => assert.is(slugOf(name), slug))
}

slugs('is the same for names that fold to the same', () => {
  for (const name of GOOD_NAMES) {
    assert.is(slugOf(name.toUpperCase()), slugOf(name))
    assert.is(slugOf(name.normalize('NFD')), slugOf(name))
  }
})

slugs('of a name that is too long is not worked out', () => assert.is(slugOf('小'.repeat(26)), ''))

slugs('of a name that is half in a script without Latin forms differs from that of its other half', () => {
  assert.is.not(slugOf('anna小'), slugOf('anna'))
  assert.is.not(slugOf('anna小'), slugOf('anna明'))
})

// ── e-mail ────────────────────────────────────────────────────────────────

const emails = suite('e-mail')

function emailCodes(typed: string): string[] {
  return check(email, normalizeEmail(typed)).map(({ code }) => code)
}

/** An address of so many characters whose parts are as long as they may be. */
function addressOf(length: number): string {
  const rest = `${'b'.repeat(63)}.${'c'.repeat(63)}.com`
  return `${'a'.repeat(60)}@${'d'.repeat(length - 60 - 2 - rest.length)}.${rest}`
}

for (const address of [
  'ann@example.com',
  'Ann.Lee+list@Sub.Example.co.uk',
  'josé@example.com',
  ' ann@example.com ',
  addressOf(254),
]) {
  emails(`may be ${address}`, () => assert.equal(emailCodes(address), []))
}

emails('that is not given is asked for', () => {
  assert.equal(emailCodes(''), ['email_missing'])
  assert.equal(emailCodes('   '), ['email_missing'])
})

for (const address of [
  ...[
    'ann',
    'ann@',
    '@example.com',
    'ann@example',
    'ann@@example.com',
    'ann@exam ple.com',
    'ann example@example.com',
  ],
  ...['Ann <ann@example.com>', 'ann@example.com,bob@example.com', 'ann@example.com\r\nBcc: bob@example.com'],
  ...[
    'ann@-example.com',
    'ann..lee@example.com',
    '.ann@example.com',
    `ann\ud83d@example.com`,
    addressOf(255),
    addressOf(256),
  ],
]) {
  emails(`${JSON.stringify(address).slice(0, 60)} is refused`, () =>
    assert.equal(emailCodes(address), ['email_invalid']),
  )
}

for (const [what, character] of Object.entries(INVISIBLE)) {
  emails(`with ${what} in it is refused`, () => {
    assert.equal(emailCodes(`an${character}n@example.com`), ['email_invalid'])
    assert.equal(emailCodes(`ann@exam${character}ple.com`), ['email_invalid'])
  })
}

emails('that is too long hears of nothing else', () => {
  assert.equal(emailCodes(`${'\u200b'.repeat(300)}@@`), ['email_invalid'])
})

emails('is stored as it was typed', () => {
  assert.is(normalizeEmail(' Ann@Example.COM '), 'Ann@Example.COM')
})

// ── name of a device ──────────────────────────────────────────────────────

const devices = suite('name of a device')

function deviceCodes(typed: string): string[] {
  return check(deviceName, normalizeDeviceName(typed)).map(({ code }) => code)
}

for (const name of [
  '',
  '  ',
  'Anna’s phone',
  '📱',
  'הטלפון שלי',
  'a<b>&"',
  EMOJI.repeat(40),
  `${'x'.repeat(40)} `,
]) {
  devices(`may be ${name}`, () => assert.equal(deviceCodes(name), []))
}

devices('has at most 40 characters, counted once it is composed', () => {
  assert.equal(deviceCodes('x'.repeat(41)), ['device_name_length'])
  assert.equal(deviceCodes(EMOJI.repeat(41)), ['device_name_length'])
  assert.equal(deviceCodes(`e${COMBINING_ACUTE}`.repeat(40)), [])
  assert.equal(deviceCodes(ZERO_WIDTH_SPACE.repeat(41)), ['device_name_length'], 'and nothing else')
})

for (const [what, character] of Object.entries({ ...INVISIBLE, 'a line separator': '\u2028' })) {
  devices(`with ${what} in it is refused`, () => {
    assert.equal(deviceCodes(`my${character}phone`), ['device_name_invisible'])
  })
}

for (const name of [
  '\u{1F5A5}\uFE0F desk',
  '\u{1F469}\u{1F3FD}\u200D\u{1F4BB}',
  '\u{1F468}\u200D\u{1F469}\u200D\u{1F467} family',
]) {
  devices(`may have the picture ${name} in it`, () => assert.equal(deviceCodes(name), []))
}

devices('is stored composed and without spaces around, and else as typed', () => {
  assert.is(normalizeDeviceName(` Jose${COMBINING_ACUTE}’s Ｐｈｏｎｅ `), 'José’s Ｐｈｏｎｅ')
})

for (const { run } of [names, slugs, emails, devices]) run()
