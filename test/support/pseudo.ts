import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { englishInUse } from './english.js'

/** A made-up right-to-left language without Latin letters, except in parameters. */
export const PSEUDO = 'ar-XB'

const ALPHABET = 'ابتثجحخدذرزسشصضطظعغفقكلمنه'

function translated(english: string): string {
  return english.replaceAll(/\{\w+\}|[a-z]/gi, (part) =>
    part.startsWith('{') ? part : (ALPHABET[(part.toLowerCase().codePointAt(0) ?? 0) - 97] ?? ''),
  )
}

const all = mkdtempSync(join(tmpdir(), 'gatehouse-languages-'))
process.once('exit', () => rmSync(all, { recursive: true, force: true }))

/** Creates a folder of templates with that language, removed at the end of the process. */
export function pseudoFolder(): string {
  const { texts, messages } = englishInUse()
  const inPseudo = (sayings: Record<string, string>) =>
    Object.fromEntries(Object.entries(sayings).map(([key, english]) => [key, translated(english)]))
  return folderWith({
    [PSEUDO]: { name: 'ظ', direction: 'rtl', texts: inPseudo(texts), messages: inPseudo(messages) },
  })
}

/** Creates a folder of templates with these languages, removed at the end of the process. */
export function folderWith(languages: Record<string, object>): string {
  const folder = mkdtempSync(join(all, 'templates-'))
  mkdirSync(join(folder, 'languages'))
  for (const [tag, language] of Object.entries(languages)) {
    writeFileSync(join(folder, 'languages', `${tag}.json`), JSON.stringify(language))
  }
  return folder
}
