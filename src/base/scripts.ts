import { latinLookOf } from './confusables.js'
import { fold } from './fold.js'
import { isPlain } from './normal-form.js'
import { once } from './once.js'

// Scripts that one language combines (UTS #39, 5.2, "highly restrictive"), most used first.
const SCRIPT_SETS =
  `Latn Cyrl Latn,Hani,Hira,Kana Latn,Hani,Bopo Latn,Hani,Hang Arab Grek Deva Beng Hebr Thai Taml Telu Gujr Knda Mlym
  Guru Orya Sinh Mymr Khmr Laoo Geor Armn Ethi Tibt Thaa Mong Cher Cans Syrc Tfng Nkoo Vaii Adlm Java Bali Sund Batk Bugi Lana Talu
  Tale Tavt Cham Lepc Limb Olck Mtei Cakm Sylo Newa Saur Kali Lisu Plrd Yiii Osge Rohg Hmnp Wcho Mand Bamu Copt Goth`.split(
    /\s+/,
  )

/** Also true if a whole word looks Latin but is not, such as Cyrillic `Сара` before `Smith`. */
export function mixesScripts(name: string): boolean {
  if (isPlain(name)) return false
  const words = name.split(/[ ._-]+/)
  return words.some(isMixed) || (isMixed(name) && words.some(looksLatin))
}

function looksLatin(word: string): boolean {
  return /[^\0-\x7f]/.test(word) && /^[a-z0-9]+$/.test(fold(latinLookOf(word)))
}

function isMixed(text: string): boolean {
  const letters = [...new Set(text.match(LETTER))].filter((letter) => !SHARED_BY_SCRIPTS.test(letter))
  if (letters.length < 2) return false
  if (SCRIPT_SETS.some((_, index) => letters.every((letter) => patternAt(index).test(letter)))) return false
  return letters.some((letter) => SCRIPT_SETS.some((_, index) => patternAt(index).test(letter)))
}

const LETTER = /[\p{L}\p{M}\p{Nd}]/gu

const SHARED_BY_SCRIPTS = /[\p{scx=Common}\p{Script=Inherited}]/u

const PATTERNS = SCRIPT_SETS.map((scripts) =>
  once(() => new RegExp(`^[${scripts.replaceAll(/(\w+),?/g, '\\p{scx=$1}')}]$`, 'u')),
)

function patternAt(index: number): RegExp {
  return PATTERNS[index]?.() ?? /^$/
}
