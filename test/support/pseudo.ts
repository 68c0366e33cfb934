import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { englishInUse } from './english.js'

/** A language from right to left that nobody speaks: what is in it has no Latin letter but those of parameters. */
export const PSEUDO = 'ar-XB'

const ALPHABET = 'ابتثجحخدذرزسشصضطظعغفقكلمنه'

function translated(english: string): string {
  return english.replaceAll(/\{\w+\}|[a-z]/gi, (part) =>
    part.startsWith('{') ? part : (ALPHABET[(part.toLowerCase().codePointAt(0) ?? 0) - 97] ?? ''),
  )
}

const all = mkdtempSync(join(tmpdir(), 'gatehouse-languages-'))
process.once('exit', () => rmSync(all, { recursive: true, force: true }))

/** A folder of templates with that language in it, removed when the process ends. */
export function pseudoFolder(): string {
  const { texts, messages } = englishInUse()
  const inPseudo = (sayings: Record<string, string>) =>
    Object.fromEntries(Object.entries(sayings).map(([key, english]) => [key, translated(english)]))
  return folderWith({
    [PSEUDO]: { name: 'ظ', direction: 'rtl', texts: inPseudo(texts), messages: inPseudo(messages) },
  })
}

/** A folder of templates with these languages, removed when the process ends. */
export function folderWith(languages: Record<string, object>): string {
  const folder = mkdtempSync(join(all, 'templates-'))
  mkdirSync(join(folder, 'languages'))
  for (const [tag, language] of Object.entries(languages)) {
    writeFileSync(join(folder, 'languages', `${tag}.json`), JSON.stringify(language))
  }
  return folder
}
