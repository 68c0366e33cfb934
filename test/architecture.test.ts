import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../src/base/package.js'
import { sourcesIn } from './support/sources.js'

const page = readFileSync(join(root, 'docs', 'architecture.md'), 'utf8')
const steps = [...page.matchAll(/^\| `(src\/[^`]+)` \| `(\w+)` \|/gm)].map(([, file = '', name = '']) => ({
  file,
  name,
}))

const test = suite('docs/architecture.md')

test('names files that exist', () => {
  const named = [...page.matchAll(/`((?:src|test|docs|templates)\/[\w./-]+)`/g)].map(([, path = '']) => path)
  assert.ok(named.length > 20)
  assert.equal(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  )
})

test('names functions that are in those files', () => {
  assert.ok(steps.length > 20)
  const missing = steps.filter(
    ({ file, name }) =>
      !new RegExp(`\\b(?:function|const|async) ${name}\\b|^ {2,4}${name}\\(`, 'm').test(
        readFileSync(join(root, file), 'utf8'),
      ),
  )
  assert.equal(missing, [])
})

test('no file of src is longer than 250 lines', () => {
  const long = sourcesIn('src')
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > 250)
  assert.equal(long, [])
})

test.run()
