import { gzipSync } from 'node:zlib'

/*
 * Values that an attacker could send to block the process: those that are most expensive to check, at the maximum length.
 */

/** Bytes of a value that fits into a body of 32 KB beside other, short fields. */
const BODY_ROOM = 31_000

function filled(part: string, room = BODY_ROOM): string {
  return part.repeat(Math.floor(room / Buffer.byteLength(part)))
}

/** Values for one field of a form. */
export const VALUES: Readonly<Record<string, string>> = {
  'the widest letter in NFKC': filled('\ufdfa'),
  'marks out of order': `a${filled('\u0315\u0300\u05ae\u0321')}`,
  'marks in pairs': `a${filled('\u0300\u0323')}`,
  'letters that come apart into marks': filled('\u0f73\u0f75'),
  'as many marks as are looked at': `a${'\u0300\u0323'.repeat(510)}`,
  'the widest letter, as often as it is looked at': '\ufdfa'.repeat(1_024),
  'control characters': '\x01'.repeat(300),
  'very many control characters': filled('\x01'),
  spaces: filled(' '),
  'invisible characters': filled('\u200b'),
  'letters without a Latin form': filled('小'),
  'letters and no end': filled('щ'),
  tags: filled('<'),
  'quotation marks': filled('"\''),
  'at signs': filled('@'),
  'an address of dots': `a@${filled('a.')}`,
  'an address in quotation marks': `"${filled('\\"')}"@a.com`,
  'the longest address': `${'a.'.repeat(30)}a@${'a.'.repeat(94)}com`,
  'digits of another script': filled('\u{1e950}'),
  'digits alone': filled('12'),
  'ones, as many as a password may have': '1'.repeat(256),
  'a word with substitutions': 'p4ssw0rd'.repeat(32),
  'a name of Cyrillic letters': 'шщжюяшщжюяшщжюяшщжюяшщжюя',
  pictures: filled('\u{1f468}\u{1f3fd}\u200d'),
  'slashes, encoded again and again': `/${filled('%25', 2_000)}2f`,
  base64: filled('A_-9'),
}

const SCRIPTS =
  `Latin Greek Cyrillic Armenian Hebrew Arabic Syriac Thaana Nko Devanagari Bengali Gurmukhi Gujarati Oriya Tamil Telugu
  Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Georgian Hangul Ethiopic Cherokee Canadian_Aboriginal Khmer Mongolian
  Hiragana Katakana Bopomofo Han Yi Vai Bamum Javanese Balinese Tifinagh Glagolitic Coptic Gothic Deseret Adlam Osage Egyptian_Hieroglyphs
  Cuneiform Brahmi Kaithi Chakma Tangut Nushu Vithkuqi`.split(/\s+/)

/** Usernames of 25 letters in many scripts. */
export const NAMES = SCRIPTS.map((script) => lettersOf(script).slice(0, 25).join(''))

function lettersOf(script: string): string[] {
  const letter = new RegExp(`[\\p{L}&&\\p{Script=${script}}]`, 'v')
  const found: string[] = []
  for (let code = 0x20; code < 0x20_000 && found.length < 25; code++) {
    const character = String.fromCodePoint(code)
    if (letter.test(character)) found.push(character)
  }
  return found
}

/** Headers and URL may have 16 KB together. */
const HEAD_ROOM = 13_000

/** Values for one header each. */
export const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ['Accept-Language', filled('a,', HEAD_ROOM)],
  ['Accept-Language', filled('en;q=0.1,', HEAD_ROOM)],
  ['Accept-Language', filled(' ', HEAD_ROOM).replace(/^ /, 'a').replace(/ $/, 'b')],
  ['Accept-Encoding', filled('a,', HEAD_ROOM)],
  ['Accept-Encoding', `br${filled(';q=1', HEAD_ROOM)}`],
  ['Accept', filled('a/b,', HEAD_ROOM)],
  ['Cookie', filled('a=b;', HEAD_ROOM)],
  ['Cookie', filled('; ', HEAD_ROOM)],
  ['Cookie', `gatehouse-device=${filled('A', HEAD_ROOM)}`],
  ['Cookie', `gatehouse-language=${filled('A', HEAD_ROOM)}`],
  ['Cookie', filled('gatehouse-device=A; ', HEAD_ROOM)],
  ['Referer', `http://${filled('%EF%B7%BA', HEAD_ROOM)}/`],
  ['Referer', `http://localhost/${filled('%25', HEAD_ROOM)}`],
  ['Referer', `http://localhost/${filled('/..', HEAD_ROOM)}`],
  ['Origin', `http://${filled('%EF%B7%BA', HEAD_ROOM)}`],
  ['Origin', `http://${filled('a.', HEAD_ROOM)}`],
  ['Host', filled('%EF%B7%BA', HEAD_ROOM)],
  ['Host', filled('a@', HEAD_ROOM)],
  ['X-Forwarded-For', filled('1.1.1.1,', HEAD_ROOM)],
  ['X-Forwarded-For', `a${filled(' ', HEAD_ROOM)}b`],
  ['X-Forwarded-For', filled(':', HEAD_ROOM)],
  ['X-Forwarded-For', `[${filled('1', HEAD_ROOM)}`],
  ['X-Forwarded-Proto', `a${filled(' ', HEAD_ROOM)}b`],
  ['X-Forwarded-Proto', filled('a,', HEAD_ROOM)],
  ['X-Forwarded-Host', `a${filled(' ', HEAD_ROOM)}b`],
  ['X-Forwarded-Host', filled('a@', HEAD_ROOM)],
  ['Forwarded', filled('for=1;', HEAD_ROOM)],
  ['User-Agent', `Mozilla/5.0 ${filled('(', HEAD_ROOM)}`],
  ['User-Agent', filled('Android 1.', HEAD_ROOM)],
  ['User-Agent', `Opera/${filled(' ', HEAD_ROOM)}x`],
  ['Authorization', `Bearer ${filled(' ', HEAD_ROOM)}x`],
  ['If-None-Match', filled('"a",', HEAD_ROOM)],
  ['If-Modified-Since', filled('1 ', HEAD_ROOM)],
  ['Range', `bytes=${filled('0-,', HEAD_ROOM)}`],
  ['Sec-Fetch-Site', filled('a', HEAD_ROOM)],
  ['HX-Current-URL', filled('/..', HEAD_ROOM)],
  ['Content-Type', `application/x-www-form-urlencoded${filled(';a=b', HEAD_ROOM)}`],
  ['Content-Type', `application/x-www-form-urlencoded;charset="${filled('\\"', HEAD_ROOM)}`],
]

/** Query strings. */
export const QUERIES: readonly string[] = [
  filled('a&', HEAD_ROOM),
  filled('lang&', HEAD_ROOM),
  `lang=ru&${filled('a=b&', HEAD_ROOM)}`,
  `next=/${filled('%252F', HEAD_ROOM)}`,
  `next=/${filled('%25', 2_000)}2f`,
  `username=${filled('%EF%B7%BA', 8_000)}`,
  `before=${filled('1', 8_000)}`,
  filled('%', HEAD_ROOM),
  filled('+', HEAD_ROOM),
]

/** Values for parts of a path, and for unknown paths. */
export const PARTS: readonly string[] = [
  filled('%EF%B7%BA', HEAD_ROOM),
  filled('%25', HEAD_ROOM),
  filled('a', HEAD_ROOM),
  filled('%2e', HEAD_ROOM),
  filled('/', HEAD_ROOM),
  filled('../', HEAD_ROOM),
  filled('%2F..', HEAD_ROOM),
]

/** Whole bodies with their headers. */
export const BODIES: readonly (readonly [body: Buffer, headers: Record<string, string>])[] = [
  ...[
    filled('a&'),
    filled('&'),
    filled('='),
    filled('%'),
    filled('%41'),
    filled('+'),
    `${filled('[')}=1`,
    `a${filled('[b]')}=1`,
    `${filled('a.')}=1`,
    `__proto__=${filled('a')}`,
    filled('username=a&'),
    filled('%EF%B7%BA'),
  ].map((body) => [Buffer.from(body), {}] as const),
  [gzipSync(Buffer.alloc(30_000_000, 97)), { 'Content-Encoding': 'gzip' }],
  [Buffer.from(filled('{"a":')), { 'Content-Type': 'application/json' }],
  [Buffer.from(filled('--a\r\n')), { 'Content-Type': 'multipart/form-data; boundary=a' }],
]
