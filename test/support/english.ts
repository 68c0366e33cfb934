import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../src/base/package.js'
import { englishIn, templateNames } from '../../src/views/templates.js'
import { sourcesIn } from './sources.js'

/** Returns all English texts of the templates, and all messages of the rules by their codes. */
export interface English {
  texts: Record<string, string>
  messages: Record<string, string>
}

export function englishInUse(): English {
  const texts = templateNames().flatMap((name) =>
    englishIn(readFileSync(join(root, 'templates', name), 'utf8')),
  )
  return {
    texts: sorted(texts.map((text) => [text, text])),
    messages: sorted(messagesInUse().map(({ code, sentence }) => [code, sentence])),
  }
}

const MESSAGE = /code: '(\w+)',\s*sentence:\s*(?:'((?:[^'\\]|\\.)*)'|"([^"\\]*)")/g

/** The gallery only repeats other messages. */
export function messagesInUse(): { code: string; sentence: string }[] {
  return sourcesIn('src').flatMap(({ text }) =>
    [...text.matchAll(MESSAGE)].map(([, code = '', single, double]) => ({
      code,
      sentence: single?.replaceAll("\\'", "'") ?? double ?? '',
    })),
  )
}

/** Returns how many messages the source has, in any notation. */
export function countSentences(): number {
  return sourcesIn('src').reduce(
    (sum, { text }) => sum + [...text.matchAll(/\bsentence:\s*['"`]/g)].length,
    0,
  )
}

function sorted(entries: [string, string][]): Record<string, string> {
  const collator = new Intl.Collator('en', { numeric: true })
  return Object.fromEntries(entries.sort(([one], [other]) => collator.compare(one, other)))
}
