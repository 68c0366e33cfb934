import { createRequire } from 'node:module'
import { isBeyondAll } from './normal-form.js'
import { once } from './once.js'

/**
 * What a text looks like in Latin letters, as far as it does: without what no eye sees, each letter of another script or shape
 * as the one that it is confused with (UTS #39, 4). Capitals stay, for `I` looks like `l`.
 */
export function latinLookOf(text: string): string {
  if (isAscii(text) || isBeyondAll(text)) return text
  const letters = [...text.normalize('NFKD').replaceAll(NOT_SEEN, '')]
  const prototypes = letters.map((letter) => (isAscii(letter) ? letter : prototypeOf(letter))).join('')
  return [...prototypes.normalize('NFD').replaceAll(NOT_SEEN, '')]
    .map((one) => SMALL_CAPITALS.get(one) ?? one)
    .join('')
}

/** The same for two texts that look alike: `supp0rt` and `support`, `rn` and `m`. */
export function skeletonOf(text: string): string {
  return latinLookOf(text).replaceAll(/[01Im]/g, (letter) => ASCII_PROTOTYPES[letter] ?? letter)
}

const NOT_SEEN = /\p{Default_Ignorable_Code_Point}/gu

// The rows of Unicode's table for what stands on every keyboard, so that such names need not have it loaded.
const ASCII_PROTOTYPES: Readonly<Record<string, string>> = { 0: 'O', 1: 'l', I: 'l', m: 'rn' }

// Unicode's table confuses these with nothing, for they are lower; in a name of their own nobody sees that.
const SMALL_CAPITALS: ReadonlyMap<string, string> = new Map(
  [...'ᴀaʙbᴅdᴇeꜰfɢgʜhᴊjᴋkĸkʟlᴍmʍmɴnᴘpꞯqʀrꜱsᴛtᴢz'.matchAll(/(.)(.)/gu)].map(([, small = '', letter = '']) => [
    small,
    letter,
  ]),
)

function prototypeOf(letter: string): string {
  return confusables().get(letter) ?? letter
}

// Of `unhomoglyph`, which the Matrix chat is built with: Unicode's own table as data, with no dependencies. Only its data: its
// function is one regular expression of six thousand words. 10 ms and a megabyte, for the first name that is not plain.
const confusables = once((): ReadonlyMap<string, string> => {
  const table: Record<string, string> = createRequire(import.meta.url)('unhomoglyph/data.json')
  return new Map(Object.entries(table))
})

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}
