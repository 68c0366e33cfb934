// Not all of the package, of which every start would have to load the rest, too.
import { diffChars } from 'diff/lib/diff/character.js'

/** A name that there is, and how many characters it is away from the one that was given. */
export interface Near {
  known: string
  distance: number
}

/** The names that there are, those first that a mistyped one is likely to mean; none that is more than `most` away. */
export function byDistance(
  name: string,
  names: readonly string[],
  most: number = Number.POSITIVE_INFINITY,
): Near[] {
  return names
    .map((known) => ({ known, distance: distanceOf(name.toLowerCase(), known.toLowerCase(), most) }))
    .filter(({ distance }) => distance <= most)
    .sort((one, other) => one.distance - other.distance)
}

// Looks no further than it has to: of sixty names hardly one is near.
function distanceOf(one: string, other: string, most: number): number {
  const isFar = Math.abs(one.length - other.length) > most
  const changes = isFar ? undefined : diffChars(one, other, { maxEditLength: most })
  if (changes === undefined) return Number.POSITIVE_INFINITY
  return changes
    .filter(({ added, removed }) => added || removed)
    .reduce((sum, { value }) => sum + value.length, 0)
}
