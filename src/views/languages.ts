import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod/v3'
import { errorText } from '../base/error-text.js'
import { byDistance } from '../base/nearest.js'
import { root } from '../base/package.js'
import { englishIn, filesIn } from './templates.js'
import { type Direction, ENGLISH, type Language, type Plural, type Translation } from './translator.js'

const FOLDER = 'languages'
const OURS = join(root, 'templates')

type Translations = Readonly<Record<string, Translation>>

// By hand: zod would take far longer for five thousand texts, a tenth of a start.
const translations = z
  .custom<Translations>(
    (value) => isObject(value) && wrongIn(value) === undefined,
    (value) => ({ message: isObject(value) ? `has no text for "${wrongIn(value)}"` : 'is not an object' }),
  )
  .default({})

const file = z
  .object({
    name: z.string().optional(),
    direction: z.enum(['ltr', 'rtl']).optional(),
    texts: translations,
    messages: translations,
  })
  .strict()

interface LanguageFile {
  path: string
  tag: string
  name: string | undefined
  direction: Direction | undefined
  texts: Translations
  messages: Translations
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrongIn(translations: object): string | undefined {
  return Object.entries(translations).find(([, value]) => !isTranslation(value))?.[0]
}

function isTranslation(value: unknown): boolean {
  if (!isObject(value)) return typeof value === 'string'
  return 'by' in value && Object.values(value).every((text) => typeof text === 'string')
}

// Shared by all sites in one process, because reading and checking them takes most of a start.
let ours: ReadonlyMap<string, Language> | undefined

/** Returns languages by tag. Merges files of one language; earlier folders win. Throws if a file is wrong, and names it. */
export function loadLanguages(folders: readonly string[] = []): ReadonlyMap<string, Language> {
  if (folders.length > 0) return languagesIn(folders)
  ours ??= languagesIn([])
  return ours
}

function languagesIn(folders: readonly string[]): Map<string, Language> {
  const files = [...folders, OURS].flatMap(readFiles)
  const english = englishOf(files, folders)
  for (const one of files) refuseWrong(one, english)
  const tags = [...new Set(files.map(({ tag }) => tag))]
  return new Map(
    tags.map((tag) => [
      tag,
      languageOf(
        tag,
        files.filter((one) => one.tag === tag),
      ),
    ]),
  )
}

function readFiles(folder: string): LanguageFile[] {
  const place = join(folder, FOLDER)
  if (!existsSync(place)) return []
  return readdirSync(place)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFile(join(place, name), name.slice(0, -'.json'.length)))
}

function readFile(path: string, tag: string): LanguageFile {
  if (!isTag(tag))
    throw new Error(`${path} must be named after a language that Intl knows, like ru or pt-BR.`)
  const { data, error } = file.safeParse(parsed(path))
  const [issue] = error?.issues ?? []
  if (data === undefined) {
    throw new Error(
      `${path} is not a language file: ${[issue?.path.join('.'), issue?.message].join(' ').trim()}.`,
    )
  }
  return { path, tag, name: data.name, direction: data.direction, texts: data.texts, messages: data.messages }
}

function isTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag)[0] === tag && Intl.PluralRules.supportedLocalesOf(tag).length > 0
  } catch {
    return false
  }
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`${path} is not JSON: ${errorText(error)}.`)
  }
}

interface English {
  texts: Map<string, string>
  messages: Map<string, string>
}

function englishOf(files: readonly LanguageFile[], folders: readonly string[]): English {
  const listed = files.filter(({ tag }) => tag === ENGLISH.tag)
  const texts = listed.flatMap((one) => Object.keys(one.texts))
  const messages = listed.flatMap((one) => Object.entries(one.messages)).reverse()
  const own = folders.flatMap((folder) => templatesIn(folder).flatMap(englishIn))
  return {
    texts: new Map([...texts, ...own].map((text) => [text, text])),
    messages: new Map(messages.map(([code, translation]) => [code, formsOf(translation).join(' ')])),
  }
}

function templatesIn(folder: string): string[] {
  const names = filesIn(folder).filter((name) => /\.(?:html|txt)$/.test(name))
  return names.map((name) => readFileSync(join(folder, name), 'utf8'))
}

function refuseWrong({ path, tag, texts, messages }: LanguageFile, english: English): void {
  for (const [kind, translations] of Object.entries({ texts, messages })) {
    const known = kind === 'texts' ? english.texts : english.messages
    for (const [key, translation] of Object.entries(translations)) {
      const mistake = mistakeIn(key, translation, known, tag)
      if (mistake !== undefined) throw new Error(`${path}: ${mistake}`)
    }
  }
}

function mistakeIn(
  key: string,
  translation: Translation,
  known: ReadonlyMap<string, string>,
  tag: string,
): string | undefined {
  const english = known.get(key)
  if (english === undefined) {
    const [near] = byDistance(key, [...known.keys()])
    return `"${key}" is not an English text. Did you mean "${near?.known ?? ''}"?`
  }
  if (typeof translation === 'string' && !translation.includes('{')) return undefined
  const params = paramsOf(english)
  const stray = formsOf(translation)
    .flatMap(paramsOf)
    .find((param) => !params.includes(param))
  if (stray !== undefined) return `"${key}" uses {${stray}}, which the English does not have.`
  return typeof translation === 'string' ? undefined : mistakeInPlural(key, translation, params, tag)
}

function mistakeInPlural(key: string, plural: Plural, params: string[], tag: string): string | undefined {
  const { by, ...forms } = plural
  const wanted = new Intl.PluralRules(tag).resolvedOptions().pluralCategories
  const missing = wanted.find((form) => !Object.hasOwn(forms, form))
  const odd = Object.keys(forms).find((form) => !wanted.some((one) => one === form))
  if (!params.includes(by)) return `"${key}" chooses plurals by {${by}}, which the English does not have.`
  if (missing !== undefined) return `"${key}" is missing the plural form "${missing}".`
  return odd === undefined ? undefined : `"${key}" has the plural form "${odd}", which ${tag} does not use.`
}

function formsOf(translation: Translation): string[] {
  if (typeof translation === 'string') return [translation]
  const { by: _, ...forms } = translation
  return Object.values(forms)
}

function paramsOf(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
}

function languageOf(tag: string, files: readonly LanguageFile[]): Language {
  const name = files.find((one) => one.name !== undefined)?.name
  if (name === undefined) throw new Error(`${files[0]?.path} must have the "name" of its language.`)
  // The built-in English file only lists the texts. Those in templates and code win.
  const own = files.filter(({ path }) => tag !== ENGLISH.tag || !path.startsWith(join(OURS, FOLDER)))
  const reversed = [...own].reverse()
  return {
    tag,
    name,
    direction: files.find((one) => one.direction !== undefined)?.direction ?? 'ltr',
    texts: new Map(reversed.flatMap(({ texts }) => Object.entries(texts))),
    messages: new Map(reversed.flatMap(({ messages }) => Object.entries(messages))),
  }
}
