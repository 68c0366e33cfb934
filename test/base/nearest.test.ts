import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { byDistance } from '../../src/base/nearest.js'
import { Random } from '../support/random.js'

const test = suite('nearest')

test('a limit leaves out what is farther, and nothing else', () => {
  const random = new Random(7)
  const word = () =>
    Array.from({ length: 2 + random.below(4) }, () => random.pick(['a', 'b', 'A', '@', '1'])).join('')
  const names = Array.from({ length: 200 }, word)
  let count = 0
  for (let round = 0; round < 50; round++) {
    const name = word()
    const expected = byDistance(name, names).filter(({ distance }) => distance <= 2)
    assert.equal(byDistance(name, names, 2), expected)
    count += expected.length
  }
  assert.ok(count > 100 && count < 10_000, `${count}`)
})

test.run()
