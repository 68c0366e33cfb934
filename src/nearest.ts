// Not all of the package, of which every start would have to load the rest, too.
import { diffChars } from 'diff/lib/diff/character.js'

/** A name that there is, and how many characters it is away from the one that was given. */
export interface Near {
  known: string
  distance: number
}

/** The names that there are, those first that a mistyped one is likely to mean. */
export function byDistance(name: string, names: readonly string[]): Near[] {
  return names
    .map((known) => ({ known, distance: distanceOf(name.toLowerCase(), known.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance)
}

function distanceOf(one: string, other: string): number {
  return diffChars(one, other)
    .filter(({ added, removed }) => added || removed)
    .reduce((sum, { value }) => sum + value.length, 0)
}
