// UTF-16 units. The longest field, a password of 256 characters, may take 4 for each.
const MOST = 1_024

export function isBeyondAll(text: string): boolean {
  return text.length > MOST
}

// Sorting combining marks takes quadratic time: 80 ms for 16,000.
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  return isBeyondAll(text) ? text : text.normalize(form)
}
