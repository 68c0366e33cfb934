import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { documentAt } from '../support/documents.js'
import { sourcesIn } from '../support/sources.js'

const test = suite('docs/log.md')

const CALL = /\blog(?:\.(?:error|warn|info|debug)|\[[^\]]+\])\(/gi

interface Call {
  place: string
  line: string | undefined
}

function callsIn({ path, text }: { path: string; text: string }): Call[] {
  return [...text.matchAll(CALL)].map(({ index, 0: call }) => ({
    place: `${path}: ${text.slice(index, index + 80)}`,
    line: lastStringOf(argumentsAt(text, index + call.length)),
  }))
}

function argumentsAt(text: string, start: number): string {
  let depth = 1
  let end = start
  for (; depth > 0 && end < text.length; end++) {
    if (text[end] === '(') depth++
    if (text[end] === ')') depth--
  }
  return text.slice(start, end - 1)
}

function lastStringOf(argument: string): string | undefined {
  const [, single, double] = /(?:'([^']+)'|"([^"]+)"),?\s*$/.exec(argument) ?? []
  return single ?? double
}

const calls = sourcesIn('src').flatMap(callsIn)

test('every log line of the code is a fixed text in lower case, without a full stop', () => {
  assert.ok(calls.length > 40, `${calls.length} calls`)
  for (const { place, line } of calls) {
    assert.ok(line !== undefined, place)
    assert.match(line, /^(?:[a-z]|onEvent|exportOf).*[^.]$/, place)
  }
})

test('names every log line of the code, and no other', () => {
  const { text } = documentAt('docs/log.md')
  const rows = (text.split('## All other lines')[1] ?? '').split('\n## ')[0]?.split('\n| `') ?? []
  const named = rows
    .slice(1)
    .flatMap((row) => [...`\`${row.split(' | ', 1)}`.matchAll(/`([^`]+)`/g)].map(([, line = '']) => line))
  const described = ['request', 'security event', ...named]
  assert.equal(described.sort(), [...new Set(calls.map(({ line = '' }) => line))].sort())
})

test.run()
