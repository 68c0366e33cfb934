import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hueOf, initialsOf } from '../../src/base/initials.js'

const test = suite('initials')

for (const [name, initials] of [
  ['Anna', 'A'],
  ['anna maria lind', 'AL'],
  ['j.doe_99', 'J'],
  ['Jane-Doe', 'JD'],
  ['Слава Бо', 'СБ'],
  ['ليلى الأحمد', 'ل'],
  ['王小明', '王'],
  [`e${'\u0301'.repeat(5)}va`, 'E'],
  ['𐐨deseret', '𐐀'],
  ['-', '?'],
] as const) {
  test(`the initials of ${name} are ${initials}`, () => {
    assert.is(initialsOf(name), initials)
  })
}

test('an id always has the same hue, and ids differ', () => {
  const hues = Array.from({ length: 50 }, (_, index) => hueOf(`id-${index}`))
  assert.is(hueOf('id-7'), hues[7])
  assert.ok(hues.every((hue) => hue >= 0 && hue < 360))
  assert.ok(new Set(hues).size > 45)
})

test.run()
