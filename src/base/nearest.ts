// The package's entry point would load the rest of it at every start.
import { diffChars } from 'diff/lib/diff/character.js'

export interface Near {
  known: string
  distance: number
}

export function byDistance(
  name: string,
  names: readonly string[],
  maxDistance: number = Number.POSITIVE_INFINITY,
): Near[] {
  const lower = name.toLowerCase()
  return names
    .map((known) => ({ known, distance: distanceOf(lower, known.toLowerCase(), maxDistance) }))
    .filter(({ distance }) => distance <= maxDistance)
    .sort((one, other) => one.distance - other.distance)
}

function distanceOf(one: string, other: string, maxDistance: number): number {
  const isFar =
    Math.abs(one.length - other.length) > maxDistance || differentLetters(one, other) > maxDistance
  const changes = isFar ? undefined : diffChars(one, other, { maxEditLength: maxDistance })
  if (changes === undefined) return Number.POSITIVE_INFINITY
  return changes
    .filter(({ added, removed }) => added || removed)
    .reduce((sum, { value }) => sum + value.length, 0)
}

// Each change adds or removes one letter, so texts without enough common letters need not be compared.
function differentLetters(one: string, other: string): number {
  let different = lettersIn(one) ^ lettersIn(other)
  let count = 0
  for (; different !== 0; count += 1) different &= different - 1
  return count
}

/** A bit for each letter. Some letters share one. */
function lettersIn(text: string): number {
  let letters = 0
  for (let at = 0; at < text.length; at++) letters |= 1 << (text.charCodeAt(at) & 31)
  return letters
}
