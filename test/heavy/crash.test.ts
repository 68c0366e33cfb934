import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { freshDatabase } from '../support/helpers.js'
import { areQuick, survive } from './crash/rounds.js'

const test = suite('a site that is killed at any moment')

test('keeps all acknowledged changes and emails, and no partial changes', async () => {
  const report = await survive({ database: await freshDatabase(), rounds: 5, seed: Date.now() % 1_000_000 })
  assert.equal(report.problems, [], JSON.stringify(report))
  assert.ok(areQuick(report.starts), `${report.starts}`)
  assert.ok(report.acknowledged > 10, 'there was load')
})

test.run()
