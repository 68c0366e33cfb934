import { createRequire } from 'node:module'
import { isBeyondAll } from './normal-form.js'
import { once } from './once.js'

/** Replaces letters with the Latin ones they resemble (UTS #39, 4). Keeps capitals, as `I` looks like `l`. */
export function latinLookOf(text: string): string {
  if (isAscii(text) || isBeyondAll(text)) return text
  const letters = [...text.normalize('NFKD').replaceAll(NOT_SEEN, '')]
  const prototypes = letters.map((letter) => (isAscii(letter) ? letter : prototypeOf(letter))).join('')
  return [...prototypes.normalize('NFD').replaceAll(NOT_SEEN, '')]
    .map((one) => SMALL_CAPITALS.get(one) ?? one)
    .join('')
}

export function skeletonOf(text: string): string {
  return latinLookOf(text).replaceAll(/[01Im]/g, (letter) => ASCII_PROTOTYPES[letter] ?? letter)
}

const NOT_SEEN = /\p{Default_Ignorable_Code_Point}/gu

const ASCII_PROTOTYPES: Readonly<Record<string, string>> = { 0: 'O', 1: 'l', I: 'l', m: 'rn' }

// Unicode's table does not list these, because small capitals are lower than capitals.
const SMALL_CAPITALS: ReadonlyMap<string, string> = new Map(
  [...'ᴀaʙbᴅdᴇeꜰfɢgʜhᴊjᴋkĸkʟlᴍmʍmɴnᴘpꞯqʀrꜱsᴛtᴢz'.matchAll(/(.)(.)/gu)].map(([, small = '', letter = '']) => [
    small,
    letter,
  ]),
)

function prototypeOf(letter: string): string {
  return confusables().get(letter) ?? letter
}

// Only its data: the package's function is a regular expression of 6,000 words.
const confusables = once((): ReadonlyMap<string, string> => {
  const table: Record<string, string> = createRequire(import.meta.url)('unhomoglyph/data.json')
  return new Map(Object.entries(table))
})

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text)
}
