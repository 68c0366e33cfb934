import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { anchorsOf, documentAt, documents, linksOf, proseOf } from '../support/documents.js'

const LONGEST = 150
const pages = documents.filter(({ path }) => path.startsWith('docs/'))

const test = suite('links of the docs')

for (const document of documents) {
  test(`${document.path} links to files and headings that exist`, () => {
    const broken = linksOf(document).filter(({ path, anchor }) => {
      if (!existsSync(join(root, path))) return true
      return anchor !== undefined && !anchorsOf(documentAt(path)).includes(anchor)
    })
    assert.equal(broken, [])
  })
}

test('README.md and CONTRIBUTING.md are short', () => {
  for (const path of ['README.md', 'CONTRIBUTING.md']) {
    assert.ok(documentAt(path).text.split('\n').length <= LONGEST, path)
  }
})

test('every page of docs has one title, and no two headings with one anchor', () => {
  for (const page of pages) {
    assert.is(proseOf(page).match(/^# .+$/gm)?.length, 1, page.path)
    assert.is(new Set(anchorsOf(page)).size, anchorsOf(page).length, page.path)
  }
})

test('docs/README.md links to every page', () => {
  const linked = new Set(linksOf(documentAt('docs/README.md')).map(({ path }) => path))
  const paths = pages.map(({ path }) => path)
  assert.equal(
    paths.filter((path) => path !== 'docs/README.md' && !linked.has(path)),
    [],
  )
})

test('headings whose examples are used in the heavy tests exist', () => {
  const tests = readFileSync(join(root, 'test/heavy/examples.test.ts'), 'utf8')
  const named = [...tests.matchAll(/appUnder\('([^']+)', '([^']+)'\)/g)]
  assert.ok(named.length > 0)
  for (const [, path = '', heading = ''] of named)
    assert.match(documentAt(path).text, `\n## ${heading}\n`, path)
})

test.run()
