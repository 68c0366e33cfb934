import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { csvLine } from '../../src/commands/csv.js'
import { createProgress } from '../../src/commands/progress.js'
import { json, printable, table } from '../../src/commands/terminal.js'

const test = suite('terminal')

test('stored text cannot control the terminal', () => {
  assert.is(printable('a\u001b[31mb\u009bc\u202ed\n'), 'a�[31mb�c�d�')
  const value = { text: 'a\u001b\u007f\u009b\u202e\u{e0001}\n', list: ['ü', '🖥'] }
  const text = json(value)
  assert.not.match(text, /[^\P{C}\n]/u)
  assert.equal(JSON.parse(text), value)
})

test('columns are aligned', () => {
  assert.is(
    table(
      ['A', 'B'],
      [
        ['aaa', 'b'],
        ['', 'bb'],
      ],
    ),
    'A    B\naaa  b\n     bb',
  )
  assert.is(table([], [['a', 'b']]), 'a  b')
  assert.is(table([], []), '')
})

test('CSV cells are quoted as needed and never formulas', () => {
  assert.is(csvLine(['a', 'b c', '']), 'a,b c,\r\n')
  assert.is(csvLine(['a,b', 'a"b', 'a\nb']), '"a,b","a""b","a\nb"\r\n')
  for (const sign of ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']) {
    assert.is(csvLine([`${sign}1"`]), `"'${sign}1"""\r\n`)
  }
})

// Excel splits a file at its country's list separator, whatever the file contains.
for (const [what, separator] of Object.entries({
  semicolon: ';',
  tab: '\t',
  bar: '|',
  colon: ':',
  space: ' ',
})) {
  test(`CSV cells are not formulas if a ${what} is the separator`, () => {
    for (const cell of [
      'x;=1',
      'x; =1',
      'x\t@a',
      'x|-1',
      'x:+1',
      'anna -1',
      ';=1',
      'x;"=1',
      "x;'=1",
      'x;;=1',
      '=1;=1',
      ' =1',
    ]) {
      const parts = csvLine([cell, 'next'])
        .split(separator)
        .map((part) => part.replace(/^["\s]+/, ''))
      assert.equal(
        parts.filter((part) => /^[=+\-@]/.test(part)),
        [],
        cell,
      )
    }
  })
}

test('CSV cells keep signs that do not start a formula', () => {
  for (const cell of ['ann+list@example.com', 'Anna-Bela', 'a=b@example.com', '2026-01-01T00:00:00.000Z']) {
    assert.is(csvLine([cell]), `${cell}\r\n`)
  }
})

test('the progress bar is drawn at most 10 times a second, and removed', () => {
  const shown: string[] = []
  let time = 0
  const stream = { write: (text: string) => shown.push(text) }
  const progress = createProgress(10, { stream, now: () => time })
  progress.advance(1)
  progress.advance(1)
  time += 100
  progress.advance(3)
  progress.end()
  const bars = shown.map((text) => text.replace('\r\u001b[K', ''))
  assert.equal(bars, [
    '[###...........................] 1 of 10',
    '[###############...............] 5 of 10',
    '',
  ])
})

test.run()
