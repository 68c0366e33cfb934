/** UTF-16 units. The longest field, a password of 256 characters, is typed in no more: what is composed of four code points takes four. */
const MOST = 1_024

/**
 * The text in a normal form of Unicode. One that is longer than any field may be stays as it is, and is refused for its
 * length: putting marks into their order takes time that grows with the square of their number, 80 ms for 16,000.
 */
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  return text.length > MOST ? text : text.normalize(form)
}
