import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fold } from '../../src/accounts/fields.js'

const COMBINING_ACUTE = '\u0301'

const test = suite('fold')

test('every letter folds to the same as its upper case and lower case', () => {
  const different = lettersOf(/\p{L}/u).filter(
    (letter) => fold(letter) !== fold(letter.toUpperCase()) || fold(letter) !== fold(letter.toLowerCase()),
  )
  assert.equal(different, [])
})

test('folding twice changes nothing', () => {
  const changed = lettersOf(/[\p{L}\p{M}\p{N}]/u).filter((letter) => fold(fold(letter)) !== fold(letter))
  assert.equal(changed, [])
})

for (const [one, other] of [
  ['Straße', 'STRASSE'],
  ['STRAẞE', 'straße'],
  ['ΣΊΣΥΦΟΣ', 'σίσυφος'],
  ['ΣΊΣΥΦΟΣ', 'σίσυφοσ'],
  ['ｊｏｓé', `JOSE${COMBINING_ACUTE}`],
  ['  ann ', 'ANN'],
  ['Éve@Example.COM', 'éve@example.com'],
  ['ﬁona', 'FIONA'],
  ['İbo', 'i̇bo'],
] as const) {
  test(`${one} and ${other} fold to the same`, () => assert.is(fold(one), fold(other)))
}

test('names that only look alike stay different', () => {
  assert.is.not(fold('jose'), fold('josé'))
  assert.is.not(fold('аnna'), fold('anna'))
})

/** Returns every character of a kind. */
function lettersOf(kind: RegExp): string[] {
  return Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
    .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
    .map((codePoint) => String.fromCodePoint(codePoint))
    .filter((character) => kind.test(character))
}

test.run()
