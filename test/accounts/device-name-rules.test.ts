import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check, deviceName, normalizeDeviceName } from '../../src/accounts/fields.js'
import { COMBINING_ACUTE, EMOJI, INVISIBLE, ZERO_WIDTH_SPACE } from '../support/characters.js'

const test = suite('device name')

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
  test(`may be ${name}`, () => assert.equal(deviceCodes(name), []))
}

test('has at most 40 characters, counted in composed form', () => {
  assert.equal(deviceCodes('x'.repeat(41)), ['device_name_length'])
  assert.equal(deviceCodes(EMOJI.repeat(41)), ['device_name_length'])
  assert.equal(deviceCodes(`e${COMBINING_ACUTE}`.repeat(40)), [])
  assert.equal(
    deviceCodes(`a${ZERO_WIDTH_SPACE.repeat(41)}a`),
    ['device_name_length'],
    'without another error',
  )
})

for (const [what, character] of Object.entries({ ...INVISIBLE, 'a line separator': '\u2028' })) {
  test(`with ${what} in it is refused`, () => {
    assert.equal(deviceCodes(`my${character}phone`), ['device_name_invisible'])
  })
}

for (const name of [
  '\u{1F5A5}\uFE0F desk',
  '\u{1F469}\u{1F3FD}\u200D\u{1F4BB}',
  '\u{1F468}\u200D\u{1F469}\u200D\u{1F467} family',
]) {
  test(`may include the emoji ${name}`, () => assert.equal(deviceCodes(name), []))
}

test('has at most four marks on a letter', () => {
  assert.equal(deviceCodes(`z${COMBINING_ACUTE.repeat(9)}`), ['device_name_marks'])
})

test('keeps an emoji at its end as typed', () => {
  assert.is(normalizeDeviceName(' desk \u{1F5A5}\uFE0F '), 'desk \u{1F5A5}\uFE0F')
})

test('is stored composed, without outer spaces, and otherwise as typed', () => {
  assert.is(normalizeDeviceName(` Jose${COMBINING_ACUTE}’s Ｐｈｏｎｅ `), 'José’s Ｐｈｏｎｅ')
})

test.run()
