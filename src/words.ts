import { inWords } from './times.js'
import type { Message, Params } from './web/form.js'

/** What visitors read: the English of the templates and rules, or what the host says instead. */
export interface Words {
  /** A text of a template: `_('Log in')`, with `{name}` for each of `params`. */
  text(english: string, params?: Params): string
  /** What a message says; in the host's words, if it has some for the code. */
  sentence(message: Message): string
}

/** `overrides` are the host's sentences by stable code, such as `username_taken`. */
export function createWords(overrides: Readonly<Record<string, string>> = {}): Words {
  return {
    text: (english, params) => fill(english, params),
    sentence: ({ code, sentence, params }) => fill(overrides[code] ?? sentence, params),
  }
}

function fill(text: string, params: Params = {}): string {
  return text.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => said(params[name] ?? placeholder))
}

const RIGHT_TO_LEFT = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC]/

// A name that is written from right to left would draw the signs around it to its wrong side (UAX 9, isolates).
function isolated(text: string): string {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text
}

function said(param: Params[string]): string {
  return typeof param === 'object' ? inWords(param.milliseconds) : isolated(String(param))
}
