import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase } from '../support/helpers.js'
import { areQuick, survive } from './crash/rounds.js'

const test = suite('a site that is killed at any moment')

test('has all that it has acknowledged, the rest wholly or not at all, every mail, and starts by itself', async () => {
  const report = await survive({ database: await freshDatabase(), rounds: 5, seed: Date.now() % 1_000_000 })
  assert.equal(report.problems, [], JSON.stringify(report))
  assert.ok(areQuick(report.starts), `${report.starts}`)
  assert.ok(report.acknowledged > 10, 'there was a load')
})

test.run()
