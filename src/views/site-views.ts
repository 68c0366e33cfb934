import { join } from 'node:path'
import { root } from '../base/package.js'
import type { AccountsOptions } from '../options.js'
import type { Assets } from '../web/assets.js'
import type { Params } from '../web/form.js'
import type { PageViews } from '../web/page.js'
import type { Url } from '../web/routes.js'
import type { Places } from '../web/site.js'
import { SITE_NAME } from '../web/site.js'
import { loadLanguages } from './languages.js'
import { dataOf, saidWith } from './markup.js'
import { readTemplates } from './template-files.js'
import { createWords, ENGLISH, type Language, type Words } from './translator.js'
import { createViews, type ViewsOptions } from './views.js'

/** How the site speaks in one of its languages. */
export interface Voice extends PageViews {
  tag: string
  /** What the language calls itself. */
  name: string
  /** Renders a template of a mail, `.txt` or `.html`. */
  renderMail(template: string, values: object): string
}

export interface VoicesOptions {
  url: Url
  places: Places
  assets: Assets
  offers: (name: string) => boolean
  /** What templates know beside that. */
  globals: Readonly<Record<string, unknown>>
  now: () => number
}

/** A voice for each language that the site offers. */
export interface Voices {
  /** The first is for who understands none of them. */
  all: readonly Voice[]
  /** The one of this language; the first if the site does not offer it. */
  of(tag: unknown): Voice
}

/** Throws a sentence if a file of a language is wrong, a template of the host's does not compile, or there is no such language. */
export function createVoices(options: AccountsOptions, voices: VoicesOptions): Voices {
  const templates = templatesOf(options)
  const all = languagesOf(options).map((language) => voiceOf(language, templates, options, voices))
  const [first] = all
  if (first === undefined) throw new Error('The option languages has to name one language at least.')
  const byTag = new Map<unknown, Voice>(all.map((voice) => [voice.tag, voice]))
  return { all, of: (tag) => byTag.get(tag) ?? first }
}

function languagesOf({ templates, languages, language }: AccountsOptions): Language[] {
  const known = loadLanguages(templates)
  const others = [...known.keys()].filter((tag) => tag !== ENGLISH.tag).sort()
  const tags = typeof language === 'string' ? [language] : (languages ?? [ENGLISH.tag, ...others])
  return tags.map((tag) => {
    const found = known.get(tag)
    if (found === undefined)
      throw new Error(`There is no language ${tag}: there are ${[...known.keys()].join(', ')}.`)
    return found
  })
}

type Templates = Pick<ViewsOptions, 'folders' | 'files'>

function templatesOf({ templates = [], development = false }: AccountsOptions): Templates {
  const folders = [...templates, join(root, 'templates')]
  return { folders, files: development ? undefined : readTemplates(folders) }
}

function voiceOf(
  language: Language,
  templates: Templates,
  options: AccountsOptions,
  voices: VoicesOptions,
): Voice {
  const { tag, name } = language
  const words = createWords(withMessages(language, options.messages))
  const globals = globalsOf(language, words, options, voices)
  const views = createViews({ ...templates, globals: { ...globals, ...marking(words) } })
  const text = createViews({ ...templates, globals, ending: '.txt' })
  return {
    tag,
    name,
    render: views.render,
    say: words.sentence,
    mark: markOf(words),
    renderMail: (template, values) => (template.endsWith('.txt') ? text : views).render(template, values),
  }
}

/** In HTML what people have chosen is marked as data; in a text there is nothing to mark it with. */
function marking({ text }: Words): ViewsOptions['globals'] {
  return {
    data: dataOf,
    _: (english: string, params?: Params) => saidWith(params, (held) => text(english, held)),
  }
}

function markOf({ sentence }: Words): PageViews['mark'] {
  return (message) => {
    const values = Object.entries(message.params ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? dataOf(value) : value,
    ])
    return saidWith(Object.fromEntries(values), (params) =>
      sentence({ ...message, ...(params && { params }) }),
    )
  }
}

// NIST 800-63B-4 asks for 8 beside a second factor, and for 15 without one.
export const PASSWORD_MIN_LENGTH = 8

/** The host's sentences come before those of the language. */
function withMessages(language: Language, messages: AccountsOptions['messages'] = {}): Language {
  const own = Object.entries(messages).flatMap(([code, said]): [string, string][] => {
    const sentence = typeof said === 'string' ? said : said[language.tag]
    return sentence === undefined ? [] : [[code, sentence]]
  })
  return { ...language, messages: new Map([...language.messages, ...own]) }
}

function globalsOf(
  { tag, direction }: Language,
  { text, sentence, times }: Words,
  { siteName = SITE_NAME, passwordMinLength = PASSWORD_MIN_LENGTH, theme = 'auto' }: AccountsOptions,
  { url, places, assets, offers, globals, now }: VoicesOptions,
): ViewsOptions['globals'] {
  return {
    ...globals,
    _: text,
    said: sentence,
    data: String,
    lang: tag,
    dir: direction,
    url,
    offers,
    asset: assets.path,
    places,
    // It stands in the subjects of mails, which are one line.
    siteName: siteName.replaceAll(/\s+/g, ' ').trim(),
    theme,
    passwordMinLength,
    day: times.day,
    ago: (time: number) => times.ago(now() - time),
    until: (time: number) => times.until(time - now()),
    lasting: times.lasting,
    exactly: (time: number) => times.exactly(new Date(time)),
    iso: (time: number) => new Date(time).toISOString(),
  }
}
