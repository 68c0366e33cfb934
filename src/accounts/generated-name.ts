import { createHash } from 'node:crypto'

// No vowels, which could spell a word, and no look-alikes.
const SYMBOLS = 'bcdfghjkmnpqrstvwxz23456789'
const LENGTH = 9

/** Returns the same username for the same `seed`, so that a repeated form finds its account. */
export function generatedName(seed: string): string {
  const bytes = createHash('sha256').update(`made-up name ${seed}`).digest().subarray(0, LENGTH)
  return `user-${[...bytes].map((byte) => SYMBOLS[byte % SYMBOLS.length]).join('')}`
}
