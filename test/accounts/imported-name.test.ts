import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { importedName, withRandomNumber } from '../../src/accounts/imported-name.js'

const test = suite('the username of an imported user')

for (const [wanted, name] of [
  ['Anna', 'Anna'],
  [' Анна ', 'Анна'],
  ['Anna, the first', 'Anna the first'],
  ['anna!!!42', 'anna 42'],
  ['Wolfeschlegelsteinhausenbergerdorff', 'Wolfeschlegelsteinha'],
] as const) {
  test(`${wanted} becomes ${name}`, () => {
    assert.is(importedName(wanted), name)
  })
}

for (const wanted of ['', '!!', 'x', 'admin', 'anna@example.com', 'anna ＠ example.com', '\u202e']) {
  test(`${JSON.stringify(wanted)} becomes a user with a number`, () => {
    assert.match(importedName(wanted), /^user[1-9]\d{4}$/)
  })
}

test('a number makes a taken name unique, within the maximum length', () => {
  assert.match(withRandomNumber('Anna'), /^Anna\d{5}$/)
  assert.is(withRandomNumber('x'.repeat(25)).length, 25)
})

test.run()
