import { once } from '../base/once.js'
import type { Message, Params } from '../web/form.js'
import { type Times, timesIn } from './times.js'

export interface Translator {
  text(english: string, params?: Params): string
  sentence(message: Message): string
  number(value: number): string
  times: Times
}

export interface Language {
  tag: string
  name: string
  direction: Direction
  texts: ReadonlyMap<string, Translation>
  messages: ReadonlyMap<string, Translation>
}

export type Direction = 'ltr' | 'rtl'

/** With `{name}` for each parameter. A `Plural` is chosen by the number of the parameter `by`. */
export type Translation = string | Plural

export type Plural = { by: string } & Readonly<Record<string, string>>

export const ENGLISH: Language = {
  tag: 'en',
  name: 'English',
  direction: 'ltr',
  texts: new Map(),
  messages: new Map(),
}

export function createTranslator({ tag, direction, texts, messages }: Language = ENGLISH): Translator {
  const times = timesIn(tag)
  const plurals = once(() => new Intl.PluralRules(tag))
  const numbers = once(() => new Intl.NumberFormat(tag))

  const formatted = (param: Params[string]) => {
    if (typeof param === 'object') return times.until(param.milliseconds)
    return typeof param === 'number' ? numbers().format(param) : isolated(param, direction)
  }
  const fill = (text: string, params: Params) =>
    text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => {
      const param = params[name]
      return param === undefined ? placeholder : formatted(param)
    })
  const translated = (translation: Translation, params: Params | undefined) => {
    if (typeof translation !== 'string') {
      const count = Number(params?.[translation.by])
      return fill(translation[plurals().select(count)] ?? translation.other ?? '', params ?? {})
    }
    return params === undefined ? translation : fill(translation, params)
  }

  return {
    text: (english, params) => translated(texts.get(english) ?? english, params),
    sentence: ({ code, sentence, params }) => translated(messages.get(code) ?? sentence, params),
    number: (value) => numbers().format(value),
    times,
  }
}

const FOREIGN = { ltr: /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/, rtl: /[^\P{L}\u0590-\u08FF]/u }

// Text of the other direction would move the punctuation around it (UAX 9, isolates).
function isolated(text: string, direction: Direction): string {
  return FOREIGN[direction].test(text) ? `\u2068${text}\u2069` : text
}
