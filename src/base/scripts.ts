import { latinLookOf } from './confusables.js'
import { fold } from './fold.js'
import { once } from './once.js'

// Sets that one language mixes (UTS #39, 5.2, "highly restrictive"), most used first, compiled on demand.
const TOGETHER =
  `Latn Cyrl Latn,Hani,Hira,Kana Latn,Hani,Bopo Latn,Hani,Hang Arab Grek Deva Beng Hebr Thai Taml Telu Gujr Knda Mlym
  Guru Orya Sinh Mymr Khmr Laoo Geor Armn Ethi Tibt Thaa Mong Cher Cans Syrc Tfng Nkoo Vaii Adlm Java Bali Sund Batk Bugi Lana Talu
  Tale Tavt Cham Lepc Limb Olck Mtei Cakm Sylo Newa Saur Kali Lisu Plrd Yiii Osge Rohg Hmnp Wcho Mand Bamu Copt Goth`.split(
    /\s+/,
  )

/** Also finds a word that looks Latin next to others, such as Cyrillic `Сара` before `Smith`. */
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

const OF_EVERY_SCRIPT = /[\p{scx=Common}\p{Script=Inherited}]/u

const PATTERNS = TOGETHER.map((scripts) =>
  once(() => new RegExp(`^[${scripts.replaceAll(/(\w+),?/g, '\\p{scx=$1}')}]$`, 'u')),
)

function patternAt(place: number): RegExp {
  return PATTERNS[place]?.() ?? /^$/
}
