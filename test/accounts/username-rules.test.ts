import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  check,
  loginKeyOf,
  nameKeyOf,
  normalizeDeviceName,
  normalizeEmail,
  normalizeName,
  slugOf,
  username,
} from '../../src/accounts/fields.js'
import {
  COMBINING_ACUTE,
  EMOJI,
  INVISIBLE,
  RIGHT_TO_LEFT_OVERRIDE,
  ZERO_WIDTH_JOINER,
  ZERO_WIDTH_SPACE,
} from '../support/characters.js'

// ── username ──────────────────────────────────────────────────────────────

const names = suite('username')

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
  ['that is empty', '', 'username_missing'],
  ['of spaces only', ' \u3000\u00a0 ', 'username_missing'],
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
  ['of signs only', '...', 'username_no_letter'],
  ['of accents only', COMBINING_ACUTE.repeat(4), 'username_no_letter'],
]

for (const [why, name, code] of REFUSED_NAMES) {
  names(`${why} is refused`, () => assert.equal(nameCodes(name), [code]))
}

for (const [what, character] of Object.entries(INVISIBLE)) {
  names(`with ${what} in it is refused only as invisible`, () => {
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

names('with half a surrogate pair is refused', () => assert.is(nameCodes('ann\ud83d').length, 1))

names('gets all its errors at once, in order', () => {
  assert.equal(nameCodes('//'), ['username_length', 'username_characters', 'username_no_letter'])
  assert.equal(nameCodes(`/${ZERO_WIDTH_JOINER}/`), [
    'username_invisible',
    'username_characters',
    'username_no_letter',
  ])
  assert.equal(nameCodes(`ad${ZERO_WIDTH_SPACE}min!`).slice(0, 2), [
    'username_invisible',
    'username_characters',
  ])
})

names('that is too long gets no other error', () => {
  for (const name of [
    `${'x'.repeat(30)}${RIGHT_TO_LEFT_OVERRIDE}<`,
    '.'.repeat(26),
    `a${'\0'.repeat(300)}a`,
  ]) {
    assert.equal(nameCodes(name), ['username_length'])
  }
})

names('is not normalized when far too long, and its length excludes outer spaces', () => {
  const wide = '\ufdfa'.repeat(10_600)
  assert.is(normalizeName(wide), wide)
  assert.equal(nameCodes(wide), ['username_length'])
  assert.is(normalizeName(`${' '.repeat(5_000)}Ａｎｎａ${' '.repeat(5_000)}`), 'Anna')
})

names('is stored in its compatible, composed form without outer spaces', () => {
  assert.is(normalizeName(`  Ｊｏｓｅ${COMBINING_ACUTE} `), 'José')
})

// Every script of a living language, with the joiners and marks of its spelling.
const LIVING_NAMES = {
  Latin: 'Zoë',
  Vietnamese: 'Nguyễn Thị Tuyết'.normalize('NFD'),
  Yoruba: 'Ọlúṣẹ́gun',
  Cyrillic: 'Слава',
  Kazakh: 'Әсел',
  Serbian: 'Ђорђе',
  Greek: 'Σίσυφος',
  'polytonic Greek': 'ᾧδεἮ',
  Armenian: 'Արամ',
  Georgian: 'ნინო',
  Hebrew: 'שָׁלוֹם',
  Yiddish: 'רבֿקה',
  Arabic: 'مُحَمَّدٌ',
  'Koranic Arabic': 'رَحْمَٰنِ',
  Persian: 'می\u200cنا',
  Urdu: 'عائشہ',
  Syriac: 'ܫܠܡܐ',
  Thaana: 'އާދަމް',
  NKo: 'ߒߞߏߛ',
  Amharic: 'ሰላም',
  Hindi: 'श्रीकृष्ण',
  'Hindi with nukta': 'ज़ँवी',
  Marathi: 'ऱ्\u200dह्स',
  Bengali: 'র\u200d্যাচেল',
  Punjabi: 'ਸਿੰਘ',
  Gujarati: 'ગાંધી',
  Odia: 'ଜଗନ୍ନାଥ',
  Tamil: 'கண்ணன்',
  Telugu: 'శ్రీను',
  Kannada: 'ಶ್ರೀನಿವಾಸ',
  Malayalam: 'ശ്രീജിത്ത്',
  Sinhala: 'ශ්\u200dරියානි',
  Thai: 'น้ำใจ',
  Lao: 'ຄຳພູ',
  Khmer: 'សុខា',
  Burmese: 'မျှော့်',
  Tibetan: 'བསྟན་འཛིན'.replace('་', ' '),
  Dzongkha: 'རྒྱུད',
  Mongolian: 'ᠰᠠᠷ\u180eᠠ',
  Chinese: '小明的家',
  'Chinese and Latin': '小明Tom',
  Japanese: '山田タローさん',
  'Japanese and Latin': 'Tom山田さん',
  'half-width Katakana': 'ﾔﾏﾀﾞ',
  Korean: '김철수',
  'Korean and Latin': 'Kim철수',
  'Korean with Hanja': '金철수',
  'old Hangul': '\u1100\u119e\u11ab\u1102\u1161',
  Bopomofo: 'ㄅㄆ小明',
  Cherokee: 'ᏣᎳᎩ',
  Inuktitut: 'ᐃᓄᒃ',
  Tifinagh: 'ⴰⵎⴰⵣⵉⵖ',
  Adlam: '𞤀𞤣𞤤𞤢𞤥',
  Vai: 'ꕙꔤꕙ',
  Javanese: 'ꦗꦮꦶ',
  Balinese: 'ᬩᬮᬶ',
  Sundanese: 'ᮞᮥᮔ᮪ᮓ',
  Yi: 'ꆈꌠꉙ',
  Lisu: 'ꓡꓲꓢꓴ',
  Meitei: 'ꯃꯩꯇꯩ',
  Santali: 'ᱥᱟᱱᱛᱟᱲ',
  Chakma: '𑄌𑄋𑄴𑄟𑄳𑄦',
  Osage: '𐓏𐓘𐓻',
}

for (const [script, name] of Object.entries(LIVING_NAMES)) {
  names(`may be ${script}`, () => assert.equal(nameCodes(name), []))
}

for (const name of ['Слава true', 'Anna-Слава', 'Tom_שלום', 'Anna 김철수']) {
  names(`may be ${name}: two alphabets, but one in each word`, () => assert.equal(nameCodes(name), []))
}

for (const [what, name] of Object.entries({
  'a Cyrillic letter among Latin ones': 'pаypal',
  'a Latin letter among Cyrillic ones': 'Слaва',
  'a Greek letter among Latin ones': 'gοogle',
  'an Armenian letter among Latin ones': 'gооgle'.replaceAll('о', 'օ'),
  'Cherokee letters among Latin ones': 'ᎪooᏀle',
  'a word in an alphabet that looks like that of its neighbor': 'Сара Smith',
  'a Greek word that looks Latin, after a dot': 'support.Κοτ',
  'Hebrew and Arabic': 'שלוםسلام',
  'Thai and Lao': 'ไทยລາວ',
  'Devanagari and Bengali': 'नमনম',
  'Hangul and Kana': '김철수さん',
  'Cyrillic and Chinese': 'Слава小',
  'Arabic digits among Latin letters': 'anna٣٤',
  'Latin and a dead script': 'anna𐌰𐌱',
})) {
  names(`with ${what} is refused`, () => assert.equal(nameCodes(name), ['username_scripts']))
}

for (const name of [
  ...[
    'ѕupport',
    'ᴀdmin',
    'ᴀᴅᴍɪɴ',
    'supp0rt',
    'SUPP0RT',
    'adm1n',
    'ADMlN',
    'heIp',
    'ℌelp',
    'rnail',
    'adrnin',
    'ꜱᴜᴘᴘᴏʀᴛ',
  ],
  ...[
    'ꓢꓴꓑꓑꓳꓣꓔ',
    '𝐚𝐝𝐦𝐢𝐧',
    'ⓐⓓⓜⓘⓝ',
    'ѕтаff',
    'ɑdmin',
    'łogin',
    'rооt',
    'l0g-in',
    'аԁміn',
    'ηews',
    'ｓｕｐｐｏｒｔ',
  ],
]) {
  names(`${name} is reserved, because it looks like a reserved one`, () =>
    assert.ok(nameCodes(name).includes('username_reserved'), nameCodes(name).join()),
  )
}

for (const name of [
  'Horne',
  'Сара',
  'Рост',
  'Mall',
  'Romeo',
  'Modem',
  'Alma',
  'Łukasz',
  'Søren',
  'Ηλίας',
  'Nikki',
]) {
  names(`${name} is not reserved`, () => assert.equal(nameCodes(name), []))
}

names('with more than four marks on a letter is refused', () => {
  assert.equal(nameCodes(`ann${COMBINING_ACUTE.repeat(6)}a`), ['username_marks'])
  assert.equal(nameCodes('z\u0334\u0335\u0336\u0337\u0338algo'), ['username_marks'])
  assert.equal(nameCodes('an\u0323\u0304\u0301\u0300na'), [])
  assert.equal(nameCodes('Nguye\u0302\u0303n'), [])
})

names('with an enclosing mark is refused', () => {
  assert.ok(nameCodes('anna\u0489').includes('username_marks'))
})

const COPIED = {
  ...{
    'zero-width spaces': '\u200b',
    'a byte order mark': '\ufeff',
    'no-break spaces': '\u00a0',
    tabs: '\t',
  },
  ...{
    'line breaks': '\r\n',
    'marks of direction': '\u200e\u2069',
    'a Hangul filler': '\u3164',
    'wide spaces': '\u3000',
  },
  ...{
    'a soft hyphen': '\u00ad',
    'word joiners': '\u2060',
    'C1 controls': '\x85',
  },
  ...{
    'tag characters': '\u{e0020}',
    'a variation selector': '\ufe0f',
    'mixed ones': ' \u200b\u00a0\ufeff ',
  },
}

for (const [what, copied] of Object.entries(COPIED)) {
  names(`is stored without ${what} at its ends`, () => {
    assert.is(normalizeName(`${copied}ann${copied}`), 'ann')
    assert.equal(nameCodes(`${copied}ann${copied}`), [])
    assert.is(nameKeyOf(`${copied}Ann${copied}`), 'ann')
    assert.is(normalizeEmail(`${copied}ann@example.com${copied}`), 'ann@example.com')
    assert.is(loginKeyOf(`${copied}Ann@example.com${copied}`), 'ann@example.com')
    assert.is(normalizeDeviceName(`${copied}Phone${copied}`), 'Phone')
  })
}

names('is stored as typed, and compared in its compatible form', () => {
  for (const name of ['น้ำใจ', 'ຄຳ', 'ﬁona', 'Dĳkstra']) assert.is(normalizeName(name), name)
  assert.is(nameKeyOf('ﬁona'), nameKeyOf('FIONA'))
  assert.is(nameKeyOf('น้ำใจ'), nameKeyOf('น้ำใจ'.normalize('NFKD')))
  assert.is(normalizeName('ann\u00a0lee'), 'ann lee')
})

names('is the same with and without joiners', () => {
  assert.is(nameKeyOf('ශ්\u200dරියානි'), nameKeyOf('ශ්රියානි'))
  assert.is(slugOf('می\u200cنا'), slugOf('مینا'))
})

names('is checked within 2 ms, whatever it contains', () => {
  const all = [...GOOD_NAMES, ...Object.values(LIVING_NAMES), ...REFUSED_NAMES.map(([, name]) => name)]
  for (const name of all) nameCodes(name)
  for (const name of all) {
    const start = process.cpuUsage()
    for (let count = 0; count < 20; count++) nameCodes(name)
    const { user, system } = process.cpuUsage(start)
    assert.ok(user + system < 20 * 2000, `${name}: ${(user + system) / 20} µs`)
  }
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
  slugs(`that of ${JSON.stringify(name)} is ${JSON.stringify(slug)}`, () => assert.is(slugOf(name), slug))
}

slugs('is the same for names that fold to the same', () => {
  for (const name of GOOD_NAMES) {
    assert.is(slugOf(name.toUpperCase()), slugOf(name))
    assert.is(slugOf(name.normalize('NFD')), slugOf(name))
  }
})

slugs('a username that is too long has none', () => assert.is(slugOf('小'.repeat(26)), ''))

slugs('differs when only letters without a Latin form differ', () => {
  assert.is.not(slugOf('anna小'), slugOf('anna'))
  assert.is.not(slugOf('anna小'), slugOf('anna明'))
})

for (const { run } of [names, slugs]) run()
