import { latinLookOf } from './confusables.js'
import { fold } from './fold.js'
import { once } from './once.js'

// Each is a set of scripts that one language writes together (UTS #39, 5.2, "highly restrictive"). Of what is written today
// (UAX #31, tables 5 and 7), by how many people write it: a script is compiled when a name first gets as far as it.
const TOGETHER =
  `Latn Cyrl Latn,Hani,Hira,Kana Latn,Hani,Bopo Latn,Hani,Hang Arab Grek Deva Beng Hebr Thai Taml Telu Gujr Knda Mlym
  Guru Orya Sinh Mymr Khmr Laoo Geor Armn Ethi Tibt Thaa Mong Cher Cans Syrc Tfng Nkoo Vaii Adlm Java Bali Sund Batk Bugi Lana Talu
  Tale Tavt Cham Lepc Limb Olck Mtei Cakm Sylo Newa Saur Kali Lisu Plrd Yiii Osge Rohg Hmnp Wcho Mand Bamu Copt Goth`.split(
    /\s+/,
  )

/**
 * Whether a word has letters of scripts that no language mixes, as `pаypal` with a Cyrillic а, or stands beside words of another
 * script and would be taken for one of theirs, as the Cyrillic `Сара` before `Smith`.
 */
export function mixesScripts(name: string): boolean {
  const words = name.split(/[ ._-]+/)
  return words.some(isMixed) || (isMixed(name) && words.some(looksLatin))
}

function looksLatin(word: string): boolean {
  return /[^\0-\x7f]/.test(word) && /^[a-z0-9]+$/.test(fold(latinLookOf(word)))
}

function isMixed(text: string): boolean {
  const letters = [...new Set(text.match(LETTER))].filter((letter) => !OF_EVERY_SCRIPT.test(letter))
  if (letters.length < 2) return false
  if (TOGETHER.some((_, place) => letters.every((letter) => patternAt(place).test(letter)))) return false
  return letters.some((letter) => TOGETHER.some((_, place) => patternAt(place).test(letter)))
}

const LETTER = /[\p{L}\p{M}\p{Nd}]/gu

// Most digits, and marks that stand on the letters of several scripts.
const OF_EVERY_SCRIPT = /[\p{scx=Common}\p{Script=Inherited}]/u

const PATTERNS = TOGETHER.map((scripts) =>
  once(() => new RegExp(`^[${scripts.replaceAll(/(\w+),?/g, '\\p{scx=$1}')}]$`, 'u')),
)

function patternAt(place: number): RegExp {
  return PATTERNS[place]?.() ?? /^$/
}
