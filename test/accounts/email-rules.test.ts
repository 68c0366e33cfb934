import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check, email, emailKeyOf, loginKeyOf, normalizeEmail } from '../../src/accounts/fields.js'
import { COMBINING_ACUTE, INVISIBLE } from '../support/characters.js'

const test = suite('email address')

function emailCodes(typed: string): string[] {
  return check(email, normalizeEmail(typed)).map(({ code }) => code)
}

/** Returns an address of that length whose parts are not too long. */
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
  test(`may be ${address}`, () => assert.equal(emailCodes(address), []))
}

test('that is empty is asked for', () => {
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
  ...['ann@-example.com', 'ann..lee@example.com', '.ann@example.com', addressOf(255), addressOf(256)],
]) {
  test(`${JSON.stringify(address).slice(0, 60)} is refused`, () =>
    assert.equal(emailCodes(address), ['email_invalid']))
}

for (const [what, character] of Object.entries(INVISIBLE)) {
  test(`with ${what} in it is refused`, () => {
    assert.equal(emailCodes(`an${character}n@example.com`), ['email_invisible'])
    assert.equal(emailCodes(`ann@exam${character}ple.com`), ['email_invisible'])
  })
}

test('that is too long gets no other error', () => {
  assert.equal(emailCodes(`${'\u200b'.repeat(300)}@@`), ['email_invalid'])
})

for (const address of [
  '"ann"@example.com',
  '"ann lee"@example.com',
  'a"n"n@example.com',
  '"a\\"b"@example.com',
]) {
  test(`with quotes is refused: ${address}`, () => assert.equal(emailCodes(address), ['email_invalid']))
}

// Letters of a domain that DNS writes differently, and dots that are not full stops.
for (const [one, other] of [
  ['ann@bücher.example', 'ann@xn--bcher-kva.example'],
  ['ann@BÜCHER.example', 'Ann@XN--BCHER-KVA.EXAMPLE'],
  ['ann@bücher.example', `ann@${'bücher'.normalize('NFD')}.example`],
  ['ann@例え。jp', 'ann@xn--r8jz45g.jp'],
  ['ann@例え．jp', 'ann@例え.jp'],
  ['ann@mail。example｡com', 'ann@mail.example.com'],
  ['ann@straße.de', 'ann@xn--strae-oqa.de'],
  ['ann@почта.рф', 'ann@xn--80a1acny.xn--p1ai'],
  ['ann＠example.com', 'ann@example.com'],
] as const) {
  test(`has the same key as ${one} and ${other}`, () => {
    assert.is(emailKeyOf(one), emailKeyOf(other))
    assert.is(emailKeyOf(normalizeEmail(one)), emailKeyOf(one))
    assert.is(loginKeyOf(one), emailKeyOf(other))
    assert.equal(emailCodes(one), [])
    assert.equal(emailCodes(other), [])
  })
}

test('has another key on another domain in DNS', () => {
  assert.is.not(emailKeyOf('ann@straße.de'), emailKeyOf('ann@strasse.de'))
  assert.is.not(emailKeyOf('ann@faß.example'), emailKeyOf('ann@fass.example'))
})

for (const address of [
  'ann@exa%6dple.com',
  'ann@example.com/x',
  'ann@exa mple.com',
  'ann@xn--a.com',
  'ann@xn--a-.de',
  'ann@xn--.de',
  'ann@-.com',
  'ann@℀.com',
]) {
  test(`${address} is refused`, () => {
    assert.equal(emailCodes(address), ['email_invalid'])
    assert.is.not(loginKeyOf(address), 'ann@example.com')
  })
}

test('with half a surrogate pair is refused', () => {
  assert.equal(emailCodes('ann\ud83d@example.com'), ['email_invisible'])
})

test('with more than four marks on a letter is refused', () => {
  assert.equal(emailCodes(`ann${COMBINING_ACUTE.repeat(6)}@example.com`), ['email_invalid'])
})

test('is stored as it was typed', () => {
  assert.is(normalizeEmail(' Ann@Example.COM '), 'Ann@Example.COM')
})

test.run()
