import { isBeyondAll } from './normal-form.js'

/** What decides whether two texts are the same: compatible forms and capitals make no difference. */
export function fold(text: string): string {
  const trimmed = text.trim()
  if (isBeyondAll(trimmed)) return trimmed
  // By way of upper case, which is what makes ß and ss, ς and σ the same; ẞ comes there only from its small form.
  const folded = trimmed.normalize('NFKC').trim().toLowerCase().toUpperCase().toLowerCase()
  return folded.normalize('NFKC')
}
