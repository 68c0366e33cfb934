import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../../src/base/package.js'
import { countSentences, englishInUse, messagesInUse } from '../support/english.js'

const test = suite('the catalogue of what is said')

function keysOf(tag: string): { texts: string[]; messages: string[] } {
  const { texts, messages } = JSON.parse(
    readFileSync(join(root, 'templates', 'languages', `${tag}.json`), 'utf8'),
  )
  return { texts: Object.keys(texts), messages: Object.keys(messages) }
}

test('the English file lists what stands in templates and beside rules, and nothing else', () => {
  const file = join(root, 'templates', 'languages', 'en.json')
  const written = `${JSON.stringify({ name: 'English', direction: 'ltr', ...englishInUse() }, null, 2)}\n`
  if (process.env.LANGUAGE_FILE) writeFileSync(file, written)
  assert.is(readFileSync(file, 'utf8'), written, 'npm run languages writes it anew')
})

test('the Russian file says all of that, and nothing else', () => {
  const [russian, english] = [keysOf('ru'), keysOf('en')]
  for (const kind of ['texts', 'messages'] as const) {
    assert.equal([...russian[kind]].sort(), [...english[kind]].sort())
  }
})

test('every sentence beside a rule has a code that is its own', () => {
  const messages = messagesInUse()
  assert.is(messages.length, countSentences())
  const sentences = new Map(messages.map(({ code, sentence }) => [code, sentence]))
  assert.equal(
    messages.filter(({ code, sentence }) => sentences.get(code) !== sentence),
    [],
  )
})

test.run()
