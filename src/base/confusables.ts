import { createRequire } from 'node:module'
import { isOverlong, isPlain } from './normal-form.js'
import { once } from './once.js'

/** Replaces letters with the Latin ones they resemble (UTS #39, 4). Keeps capitals, as `I` looks like `l`. */
export function latinLookOf(text: string): string {
  if (isOverlong(text) || isPlain(text)) return text
  const letters = [...text.normalize('NFKD').replaceAll(IGNORABLE, '')]
  const prototypes = letters.map((letter) => (isPlain(letter) ? letter : prototypeOf(letter))).join('')
  return [...prototypes.normalize('NFD').replaceAll(IGNORABLE, '')]
    .map((one) => SMALL_CAPITALS.get(one) ?? one)
    .join('')
}

export function skeletonOf(text: string): string {
  return latinLookOf(text).replaceAll(/[01Im]/g, (letter) => ASCII_PROTOTYPES[letter] ?? letter)
}

const IGNORABLE = /\p{Default_Ignorable_Code_Point}/gu

const ASCII_PROTOTYPES: Readonly<Record<string, string>> = { 0: 'O', 1: 'l', I: 'l', m: 'rn' }

// Missing in Unicode's table, because small capitals are not as tall as capitals.
const SMALL_CAPITALS: ReadonlyMap<string, string> = new Map(
  [...'ᴀaʙbᴅdᴇeꜰfɢgʜhᴊjᴋkĸkʟlᴍmʍmɴnᴘpꞯqʀrꜱsᴛtᴢz'.matchAll(/(.)(.)/gu)].map(([, small = '', letter = '']) => [
    small,
    letter,
  ]),
)

function prototypeOf(letter: string): string {
  return confusables().get(letter) ?? letter
}

// Reads the data only: the package's function compiles a regular expression of 6,000 alternatives.
const confusables = once((): ReadonlyMap<string, string> => {
  const table: Record<string, string> = createRequire(import.meta.url)('unhomoglyph/data.json')
  return new Map(Object.entries(table))
})
