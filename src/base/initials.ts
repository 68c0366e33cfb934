import { createHash } from 'node:crypto'

/** Returns the initials of the first and last word, or of the first only, in scripts without capitals. */
export function initialsOf(name: string): string {
  const words = name.match(/[\p{L}\p{N}][^\s._-]*/gu) ?? []
  const letters = [words[0], ...words.slice(1).slice(-1)].map((word = '') =>
    String.fromCodePoint(word.codePointAt(0) ?? 0x3f),
  )
  const shown = letters.every(hasCase) ? letters.join('') : (letters[0] ?? '')
  return shown.toUpperCase()
}

function hasCase(letter: string): boolean {
  return letter.toLowerCase() !== letter.toUpperCase()
}

export function hueOf(id: string): number {
  return (createHash('sha256').update(id).digest().readUInt16BE() * 360) / 0x10000
}
