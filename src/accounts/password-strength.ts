import { createRequire } from 'node:module'
import type { ZxcvbnFactory, ZxcvbnResult } from '@zxcvbn-ts/core'
import { once } from '../base/once.js'
import type { Message } from '../web/form.js'

export interface Strength {
  value: number
  message: Message
}

const LONGEST = 32

// Every combination of substitutions (4 for a) is tried. The default of 100 can take 250 ms.
const SUBSTITUTIONS = 2

const MAX_OWN = 8

export function strengthOf(password: string, own: readonly string[]): Strength {
  const result = estimator().check(password, wordsIn(own))
  return { value: result.score + 1, message: messageFor(result) }
}

const estimator = once((): ZxcvbnFactory => {
  const require = createRequire(import.meta.url)
  const { ZxcvbnFactory }: typeof import('@zxcvbn-ts/core') = require('@zxcvbn-ts/core')
  const common: typeof import('@zxcvbn-ts/language-common') = require('@zxcvbn-ts/language-common')
  const { adjacencyGraphs: graphs, dictionary } = common
  return new ZxcvbnFactory({
    dictionary,
    graphs,
    maxLength: LONGEST,
    l33tMaxSubstitutions: SUBSTITUTIONS,
  })
})

function wordsIn(texts: readonly string[]): string[] {
  const short = texts.map((text) => text.slice(0, LONGEST).toLowerCase())
  const words = short.flatMap((text) => [text, ...text.split(/[^\p{L}\p{M}\p{N}]+/u)])
  return [...new Set(words)].filter((word) => word.length > 2).slice(0, MAX_OWN)
}

export const PERSONAL = {
  code: 'strength_personal',
  sentence: 'Weak: it includes part of your username, your email address or the name of this site.',
}
export const PERSONAL_NAME = {
  code: 'strength_personal_name',
  sentence: 'Weak: it includes part of your username or the name of this site.',
}
const COMMON = { code: 'strength_common', sentence: 'Weak: it is similar to a very common password.' }
const WORD = { code: 'strength_word', sentence: 'Weak: add two or three unrelated words.' }
const REPEATS = { code: 'strength_repeats', sentence: 'Weak: repetition does not make it stronger.' }
const KEYS = { code: 'strength_keys', sentence: 'Weak: keys next to each other are easy to guess.' }
const SEQUENCE = {
  code: 'strength_sequence',
  sentence: 'Weak: sequences like abc or 6543 are easy to guess.',
}
const DATE = { code: 'strength_date', sentence: 'Weak: dates and years are easy to guess.' }
const WEAK = { code: 'strength_weak', sentence: 'Weak: add another word or two.' }
const FAIR = { code: 'strength_fair', sentence: 'Fair: another word would make it strong.' }
const GOOD = { code: 'strength_good', sentence: 'Good: hard to guess.' }
const STRONG = { code: 'strength_strong', sentence: 'Strong: very hard to guess.' }

const REASONS: Record<string, Message> = {
  userInputs: PERSONAL,
  topTen: COMMON,
  topHundred: COMMON,
  common: COMMON,
  similarToCommon: COMMON,
  wordByItself: WORD,
  namesByThemselves: WORD,
  commonNames: WORD,
  simpleRepeat: REPEATS,
  extendedRepeat: REPEATS,
  straightRow: KEYS,
  keyPattern: KEYS,
  sequences: SEQUENCE,
  recentYears: DATE,
  dates: DATE,
}

function messageFor({ score, feedback }: ZxcvbnResult): Message {
  if (score === 4) return STRONG
  if (score === 3) return GOOD
  if (score === 2) return FAIR
  return REASONS[feedback.warning ?? ''] ?? WEAK
}
