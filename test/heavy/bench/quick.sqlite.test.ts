import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isBearable, measureSite, QUICK } from './measures.js'
import { heading, row } from './table.js'

const test = suite('the speed of pages and forms')

const measures = await measureSite(QUICK)
console.log([heading(), ...measures.map(row)].join('\n'))

for (const measure of measures) {
  test(`${measure.name}: at least half of its target against ${measure.against}`, () => {
    assert.ok(isBearable(measure), `${measure.ratio.toFixed(2)} of ${measure.least}`)
  })
}

test.run()
