import { isOverlong, isPlain } from './normal-form.js'

export function fold(text: string): string {
  const trimmed = text.trim()
  if (isOverlong(trimmed)) return trimmed
  if (isPlain(trimmed)) return trimmed.toLowerCase()
  // Upper case makes ß and ss, and ς and σ, equal. ẞ needs its lower-case form first.
  const folded = trimmed.normalize('NFKC').trim().toLowerCase().toUpperCase().toLowerCase()
  return folded.normalize('NFKC')
}
