// UTF-16 units. The longest field, a password of 256 characters, may take 4 for each.
const MAX_LENGTH = 1_024

export function isOverlong(text: string): boolean {
  return text.length > MAX_LENGTH
}

/** Whether it is printable ASCII, which every normal form leaves as it is. Testing that is faster than normalizing. */
export function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

// Sorting combining marks takes quadratic time: 80 ms for 16,000.
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  return isOverlong(text) || isPlain(text) ? text : text.normalize(form)
}
