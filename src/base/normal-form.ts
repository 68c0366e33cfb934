// UTF-16 units. The longest field, a password of 256 characters, may take 4 for each.
const MAX_LENGTH = 1_024

export function isOverlong(text: string): boolean {
  return text.length > MAX_LENGTH
}

/** Printable ASCII is in every normal form, and Node looks at it faster than it normalizes it. */
export function isPlain(text: string): boolean {
  return /^[ -~]*$/.test(text)
}

// Sorting combining marks takes quadratic time: 80 ms for 16,000.
export function normalForm(text: string, form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): string {
  return isPlain(text) || isOverlong(text) ? text : text.normalize(form)
}
