import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { normalizeCode } from '../../src/accounts/codes.js'

const test = suite('codes')

const DIGITS = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
  .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
  .map((codePoint) => String.fromCodePoint(codePoint))
  .filter((character) => /\p{Nd}/u.test(character))

test('are read in the digits of every script', () => {
  assert.ok(DIGITS.length >= 600, `${DIGITS.length} digits`)
  for (let index = 0; index < DIGITS.length; index += 10) {
    assert.is(normalizeCode(DIGITS.slice(index, index + 10).join('')), '0123456789', DIGITS[index])
  }
})

for (const [what, typed] of Object.entries({
  'full-width digits': '１２３４５６',
  'Arabic digits': '١٢٣٤٥٦',
  'Persian digits': '۱۲۳۴۵۶',
  'Devanagari digits': '१२३ ४५६',
  'Thai digits': '๑๒๓๔๕๖',
  'digits of two scripts': '123٤٥٦',
  'an en dash': '123–456',
  'a full-width hyphen': '１２３－４５６',
  'a minus sign': '123−456',
  'a non-breaking hyphen': '123‑456',
  'a long vowel mark of a Japanese keyboard': '１２３ー４５６',
  'a narrow no-break space': '123\u202f456',
  'an ideographic space': '123\u3000456',
  'a zero-width space': '123\u200b456',
  'marks of direction': '\u2066123456\u2069',
  'a byte order mark': '\ufeff123456',
  'a line break': '123456\n',
})) {
  test(`are read with ${what}`, () => assert.is(normalizeCode(typed), '123456'))
}

test('do not consist of letters or other numbers', () => {
  for (const typed of ['12345a', 'Ⅻ3456', '一二三四五六', '12.345'])
    assert.is.not(/^\d{6}$/.test(normalizeCode(typed)), true)
})

test.run()
