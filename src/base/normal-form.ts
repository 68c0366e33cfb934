/** UTF-16 units. The longest field, a password of 256 characters, is typed in no more: what is composed of four code points takes four. */
const MOST = 1_024

/** Whether the text is longer than any field may be: it is refused for its length, and nothing else has to be known of it. */
export function isBeyondAll(text: string): boolean {
  return text.length > MOST
}

/**
 * The text in a normal form of Unicode; one that is longer than any field may be stays as it is. Putting marks into their order
 * takes time that grows with the square of their number, 80 ms for 16,000.
 */
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  return isBeyondAll(text) ? text : text.normalize(form)
}
