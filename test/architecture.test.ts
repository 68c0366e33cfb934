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

test('no function of src is longer than 40 lines', () => {
  const long = sourcesIn('src').flatMap(({ path, text }) =>
    functionsIn(text)
      .filter(({ lines }) => lines > 40)
      .map((found) => ({ path, ...found })),
  )
  assert.equal(long, [])
})

test('the sizes of functions are found', () => {
  const text = [
    'export async function first(',
    '  one: string,',
    '): Promise<void> {',
    '  if (one) {',
    '    act()',
    '  }',
    '}',
    'const second = () => {',
    '  act()',
    '}',
  ]
  assert.equal(functionsIn(text.join('\n')), [
    { head: 'export async function first(', lines: 7 },
    { head: 'const second = () => {', lines: 3 },
  ])
})

const METHOD = /^(?:(?:static|override|get|set|async) )*#?\w+(?:<.*>)?\(/
const STATEMENT = /^(?:if|for|while|switch|catch|return|throw|await)\b/

/** Finds the functions with a block body by their indentation, which the formatter keeps. */
function functionsIn(text: string): { head: string; lines: number }[] {
  const lines = text.split('\n')
  return lines.flatMap((line, index) => {
    if (!line.endsWith('{')) return []
    const indent = /^ */.exec(line)?.[0] ?? ''
    const isOuter = (other = '') => other.startsWith(indent) && /^[^\s)\]}]/.test(other.slice(indent.length))
    const isEnd = (other: string) => other.startsWith(`${indent}}`)
    const start = isOuter(line) ? index : lines.findLastIndex((other, at) => at < index && isOuter(other))
    const head = (lines[start] ?? '').trim()
    const isFunction = line.endsWith('=> {') || /\bfunction\b/.test(head) || METHOD.test(head)
    if (!isFunction || (STATEMENT.test(head) && !line.endsWith('=> {'))) return []
    const end = lines.findIndex((other, at) => at > index && isEnd(other))
    return [{ head, lines: end - start + 1 }]
  })
}

test.run()
