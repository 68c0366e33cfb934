import { join } from 'node:path'
import { root } from '../base/package.js'
import type { Params } from '../web/form.js'
import type { PageViews } from '../web/page.js'
import { loadLanguages } from './languages.js'
import { dataOf, withMarkup } from './markup.js'
import { readTemplates } from './templates.js'
import { createTranslator, ENGLISH, type Language, type Translator } from './translator.js'
import { createViews, type ViewsOptions } from './views.js'

export interface SiteViews extends PageViews {
  tag: string
  name: string
  renderMail(template: string, values: object): string
}

export interface SiteViewsOptions {
  templates?: readonly string[] | undefined
  messages?: Readonly<Record<string, string | Readonly<Record<string, string>>>> | undefined
  languages?: readonly string[] | undefined
  isReloading: boolean
  globals: Readonly<Record<string, unknown>>
  now: () => number
}

export interface AllSiteViews {
  all: readonly SiteViews[]
  of(tag: unknown): SiteViews
}

export function createSiteViews(options: SiteViewsOptions): AllSiteViews {
  const own = options.templates ?? []
  const files = options.isReloading ? undefined : readTemplates(own)
  const templates = { folders: [...own, join(root, 'templates')], files }
  const all = languagesOf(options).map((language) => viewsIn(language, templates, options))
  const [first] = all
  if (first === undefined) throw new Error('Option languages must name at least one language.')
  const byTag = new Map<unknown, SiteViews>(all.map((views) => [views.tag, views]))
  return { all, of: (tag) => byTag.get(tag) ?? first }
}

function languagesOf({ templates, languages }: SiteViewsOptions): Language[] {
  const known = loadLanguages(templates)
  const others = [...known.keys()].filter((tag) => tag !== ENGLISH.tag).sort()
  const tags = languages ?? [ENGLISH.tag, ...others]
  return tags.map((tag) => {
    const found = known.get(tag)
    if (found === undefined)
      throw new Error(`Unknown language ${tag}. Languages: ${[...known.keys()].join(', ')}.`)
    return found
  })
}

function viewsIn(
  language: Language,
  templates: Pick<ViewsOptions, 'folders' | 'files'>,
  options: SiteViewsOptions,
): SiteViews {
  const { tag, name } = language
  const translator = createTranslator(withMessages(language, options.messages))
  const globals = globalsOf(language, translator, options)
  const html = createViews({ ...templates, globals: { ...globals, ...marking(translator) } })
  const text = createViews({ ...templates, globals, ending: '.txt' })
  return {
    tag,
    name,
    render: html.render,
    translate: translator.sentence,
    mark: markOf(translator),
    renderMail: (template, values) => (template.endsWith('.txt') ? text : html).render(template, values),
  }
}

function marking(translator: Translator): ViewsOptions['globals'] {
  const { text } = translator
  return {
    data: dataOf,
    mark: markOf(translator),
    _: (english: string, params?: Params) => withMarkup(params, (values) => text(english, values)),
  }
}

function markOf({ sentence }: Translator): PageViews['mark'] {
  return (message) => {
    const values = Object.entries(message.params ?? {}).map(([name, value]) => [
      name,
      typeof value === 'string' ? dataOf(value) : value,
    ])
    return withMarkup(Object.fromEntries(values), (params) =>
      sentence({ ...message, ...(params && { params }) }),
    )
  }
}

function withMessages(language: Language, messages: SiteViewsOptions['messages'] = {}): Language {
  const own = Object.entries(messages).flatMap(([code, replacement]): [string, string][] => {
    const sentence = typeof replacement === 'string' ? replacement : replacement[language.tag]
    return sentence === undefined ? [] : [[code, sentence]]
  })
  return { ...language, messages: new Map([...language.messages, ...own]) }
}

function globalsOf(
  { tag, direction }: Language,
  { text, sentence, number, times }: Translator,
  { globals, now }: SiteViewsOptions,
): ViewsOptions['globals'] {
  return {
    ...globals,
    _: text,
    sentence,
    number,
    data: String,
    lang: tag,
    dir: direction,
    day: times.day,
    ago: (time: number) => times.ago(now() - time),
    until: (time: number) => times.until(time - now()),
    lasting: times.lasting,
    exactly: (time: number) => times.exactly(new Date(time)),
    iso: (time: number) => new Date(time).toISOString(),
  }
}
