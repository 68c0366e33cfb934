import { createHash } from 'node:crypto'

// Without vowels, so that they spell no word, and without symbols that look alike.
const SYMBOLS = 'bcdfghjkmnpqrstvwxz23456789'
const LENGTH = 9

/**
 * Returns a username for someone who chose none. The same for the same `seed`, so that a repeated form finds its account. Says
 * nothing of the email address, because everyone can see it.
 */
export function madeUpName(seed: string): string {
  const bytes = createHash('sha256').update(`made-up name ${seed}`).digest().subarray(0, LENGTH)
  return `user-${[...bytes].map((byte) => SYMBOLS[byte % SYMBOLS.length]).join('')}`
}
